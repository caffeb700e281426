-- Mends a torn book: brings the state up to its journal. Positions, balances, orders and traces are
-- set to the values the journal holds; totals and attribution get each entry's contribution unless
-- their stamp shows they have it. Running it twice changes nothing.
--
-- KEYS   the book hash first, journal, then every key the entries touch, in any order
-- ARGV   entries_max   how many entries to redo in this call
--        publish       PUBLISH or SPUBLISH
--        then for each quarantined entry: seq, raw (bytes kept with it)
-- Reply  {"redone" | "whole", seq, entries}; {"need", keys...}; {"no_book"}

local book_state = require("book_state")
local committing = require("committing")
local contribution = require("contribution")
local journal_entry = require("journal")
local keys = require("keys")
local restore = require("restore")

local function fields_of(values)
  local fields = {}
  for index = 1, #values, 2 do
    fields[values[index]] = values[index + 1]
  end
  return fields
end

local function contribute(state, json)
  if json == "" then
    return
  end
  local decoded = cjson.decode(json)
  local records = decoded[1] and decoded or { decoded }
  for index = 1, #records do
    book_state.contribute(state, contribution.from_journal(records[index]))
  end
end

local function quarantine(key, id, entry)
  local added = redis.pcall("XADD", key, id, "reason", entry.reason, "detail", entry.detail,
    "facts", entry.facts, "raw", entry.raw)
  -- present already when the call was cut off after the quarantine was written
  if type(added) == "table" and added.err
      and not string.find(added.err, "equal or smaller", 1, true) then
    error(added)
  end
end

return function(KEYS, ARGV)
  local declared = keys.declared(KEYS)
  local journal_key = keys.key(declared, "journal")
  local quarantine_key = keys.key(declared, "quarantine")
  local state = book_state.open(redis.call, declared, nil)
  if not state then
    return { "no_book" }
  end
  if #declared.needs > 0 then
    return { "need", unpack(declared.needs) }
  end
  local entries = redis.call("XRANGE", journal_key, string.format("%d-0", state.seq + 1), "+",
    "COUNT", ARGV[1])
  if #entries == 0 then
    return { "whole", string.format("%d", state.seq), "0" }
  end
  local messages, refused, raws = {}, {}, {}
  for index = 3, #ARGV, 2 do
    raws[ARGV[index] .. "-0"] = ARGV[index + 1]
  end
  for index = 1, #entries do
    local fields = fields_of(entries[index][2])
    local facts = cjson.decode(fields.facts)
    local previous_update = state.previous_update
    book_state.begin(state, facts.executed_at)
    local touched = restore.entry(state, fields, facts)
    state.seq, state.digest = state.entry_seq, fields.digest
    state.counts[fields.result] = state.counts[fields.result] + 1
    if facts.lane then
      state.cursors[facts.lane] = journal_entry.place_after(facts)
    end
    if facts.kind == "reference" then
      state.reference_version = facts.version
    end
    for place = 1, #touched do
      book_state.touch_strategy(state, touched[place])
    end
    contribute(state, fields.contribution)
    if facts.id and committing.is_remembered(fields.result) then
      book_state.remember(state, facts)
    end
    if fields.changes ~= "[]" then
      state.previous_update = string.format("%d", state.seq)
      messages[#messages + 1] = journal_entry.update_message(declared.prefix, state.previous_update,
        previous_update, facts, fields.changes)
    end
    if fields.result == "refused" then
      local id = entries[index][1]
      refused[#refused + 1] = { id, { reason = fields.reason, detail = facts.detail or "",
        facts = fields.facts, raw = raws[id] or "" } }
    end
  end
  if #declared.needs > 0 then
    return { "need", unpack(declared.needs) }
  end
  for index = 1, #refused do
    quarantine(quarantine_key, refused[index][1], refused[index][2])
  end
  -- what the values of positions moved totals by cannot be told from the journal: count them anew
  redis.call("HSET", KEYS[1], "valuation_torn", "1")
  book_state.write(state)
  for index = 1, #messages do
    redis.call(ARGV[2], declared.prefix .. "updates", messages[index])
  end
  return { "redone", string.format("%d", state.seq), string.format("%d", #entries) }
end
