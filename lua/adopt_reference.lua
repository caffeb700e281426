-- Makes a book use a version of the reference data, and says so in its journal: facts made with
-- another version are refused from here on.
--
-- KEYS   book, journal
-- ARGV   facts   JSON: kind "reference", version, previous_version, changed
-- Reply  {"adopted" | "already" | "stale" | "torn" | "no_book", version of the book, seq}

local journal = require("journal")

return function(KEYS, ARGV)
  local facts_json = ARGV[1]
  local values = redis.call("HMGET", KEYS[1], "seq", "digest", "previous_update",
    "reference_version", "applied")
  if not values[1] then
    return { "no_book" }
  end
  local facts = cjson.decode(facts_json)
  if values[4] == facts.version then
    return { "already", values[4], values[1] }
  elseif values[4] ~= facts.previous_version then
    return { "stale", values[4], values[1] }
  end
  local seq = string.format("%d", tonumber(values[1]) + 1)
  local done = { legs = "[]", effects = "[]", changes = "[]", order = "", trace = "", contribution_json = "",
    result = "applied", reason = "" }
  local fields, digest = journal.entry(facts_json, facts.kind, done, values[3], values[2],
    redis.sha1hex)
  local added = redis.pcall("XADD", KEYS[2], seq .. "-0", unpack(fields))
  if type(added) == "table" and added.err then
    if string.find(added.err, "equal or smaller", 1, true) then
      return { "torn", values[4], values[1] }
    end
    return added
  end
  redis.call("HSET", KEYS[1], "reference_version", facts.version, "digest", digest,
    "applied", string.format("%d", tonumber(values[5]) + 1), "seq", seq)
  return { "adopted", facts.version, seq }
end
