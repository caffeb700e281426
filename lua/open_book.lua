-- Creates a book: its hash, its collections with their sentinel member, and the first journal entry.
-- A book that exists is left as it is.
--
-- KEYS   book, journal, quarantine, positions, closed, strategies, balances, traces, lanes, seen:0,
--        seen:future, pendings, reservations
-- ARGV   facts            JSON: kind "opened", name, schema, generation_size
--        library          sha of the function library, for the record
-- Reply  {"opened" | "exists", seq}

local contribution = require("contribution")
local journal = require("journal")

return function(KEYS, ARGV)
  local facts_json = ARGV[1]
  local present = redis.call("HGET", KEYS[1], "seq")
  if present then
    return { "exists", present }
  end
  local begun = redis.call("XRANGE", KEYS[2], "1-0", "1-0")[1]
  if begun then
    facts_json = begun[2][8] -- of a call that was cut off: what the journal says holds
  end
  local facts = cjson.decode(facts_json)
  local done = { legs = "[]", effects = "[]", changes = "[]", order = "", trace = "", contribution_json = "",
    result = "applied", reason = "" }
  local fields, digest = journal.entry(facts_json, facts.kind, done, "0", journal.GENESIS,
    redis.sha1hex)
  if not begun then
    redis.call("XADD", KEYS[2], "1-0", unpack(fields))
  end
  for index = 4, 9 do
    redis.call("ZADD", KEYS[index], "0", ".")
  end
  redis.call("ZADD", KEYS[12], "0", ".")
  redis.call("ZADD", KEYS[13], "0", ".")
  redis.call("SADD", KEYS[10], ".")
  redis.call("SADD", KEYS[11], ".")
  local totals = contribution.changed_totals(contribution.parse_totals({}))
  redis.call("HSET", KEYS[1], "schema", facts.schema, "name", facts.name, "seq", "1",
    "digest", digest, "previous_update", "0", "epoch", "1", "rules", journal.RULES,
    "library", ARGV[2], "reference_version", "0", "generation", "0", "generation_count", "0",
    "generation_size", facts.generation_size, "newest", "0", "newest_previous", "0",
    "horizon", "0", "applied", "1", "duplicate", "0", "covered", "0", "stale", "0",
    "noted", "0", "refused", "0", "declined", "0", "traces_expired", "0", "traces_stranded", "0",
    "in_flight", "{}", "receivables", "{}", "market_value", "{}", "unrealized_pnl", "{}",
    "unmarked", "0", "valuation", "0", "valuation_torn", "0", unpack(totals))
  return { "opened", "1" }
end
