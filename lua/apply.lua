-- Applies a batch of one lane to one book: position, balances, orders, traces, totals, attribution,
-- journal, quarantine, updates and cursor, in one call.
--
-- KEYS   the book hash first, then every key the events touch, in any order
-- ARGV   lane               name of the lane, "executions" or "executions:<source>"
--        cursor             where the caller believes the lane's cursor stands
--        reference_version  of the reference data the facts were made with ("" to skip the check)
--        quarantine_max     entries the quarantine may hold
--        publish            PUBLISH or SPUBLISH
--        then for each event: facts (JSON text), raw (bytes kept if it is refused, may be empty)
-- Reply  {status, cursor, seq, ...}:
--        applied   applied, duplicate, covered, stale, noted, refused, declined (counts of this call)
--        full      the same, and the quarantine has no room for the next event
--        already   the lane's cursor stands at the end of this batch
--        cursor    the cursor is not where the caller believed; nothing changed
--        reference the book's reference version is the fourth text; nothing changed
--        need      then the keys that were missing; nothing changed
--        failed    no rule could decide the event whose number (from 1) is the fourth text; the fifth
--                  is the error; nothing changed
--        torn      the journal is ahead of the book: redo first; nothing changed
--        no_book   the book does not exist

local book_state = require("book_state")
local committing = require("committing")
local journal = require("journal")
local keys = require("keys")

local function decode(arguments)
  local events = {}
  for index = 6, #arguments, 2 do
    local facts = cjson.decode(arguments[index])
    events[#events + 1] = { facts = facts, json = arguments[index], raw = arguments[index + 1] }
  end
  return events
end

return function(KEYS, ARGV)
  local lane, cursor, reference_version = ARGV[1], ARGV[2], ARGV[3]
  local quarantine_max, publish = tonumber(ARGV[4]), ARGV[5]
  local declared = keys.declared(KEYS)
  local needed = committing.lacks(declared)
  if needed then
    return needed
  end

  local state = book_state.open(redis.call, declared, lane)
  if not state then
    return { "no_book" }
  end
  local seq = string.format("%d", state.seq)
  if state.cursor ~= cursor then
    local last = #ARGV >= 6 and journal.place_after(cjson.decode(ARGV[#ARGV - 1])) or ""
    return { state.cursor == last and "already" or "cursor", state.cursor, seq }
  end
  if reference_version ~= "" and state.reference_version ~= reference_version then
    return { "reference", state.cursor, seq, state.reference_version }
  end

  local decided, refusal = committing.decide(state, declared, decode(ARGV), quarantine_max)
  if not decided then
    return refusal
  end
  refusal = committing.commit(state, declared, decided, publish)
  if refusal then
    return refusal
  end
  local reply = { decided.is_full and "full" or "applied", state.cursor,
    string.format("%d", state.seq) }
  for index = 1, #committing.results do
    reply[#reply + 1] = string.format("%d", decided.counts[committing.results[index]])
  end
  return reply
end
