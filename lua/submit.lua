-- Takes events that come by no lane and want an answer: reservations, transfers, what the service's own
-- processes find out. The same rules and the same journal as apply; an event's id makes it count once.
--
-- KEYS   the book hash first, then every key the events touch, in any order
-- ARGV   quarantine_max     entries the quarantine may hold
--        publish            PUBLISH or SPUBLISH
--        then for each event: facts (JSON text, without a lane)
-- Reply  {"submitted", seq of the last entry, then for each event: result, reason, effects (JSON)}
--        full, need, failed, torn, no_book: as of apply; nothing changed

local book_state = require("book_state")
local committing = require("committing")
local keys = require("keys")

return function(KEYS, ARGV)
  local declared = keys.declared(KEYS)
  local needed = committing.lacks(declared)
  if needed then
    return needed
  end
  local state = book_state.open(redis.call, declared, nil)
  if not state then
    return { "no_book" }
  end
  local events = {}
  for index = 3, #ARGV do
    events[#events + 1] = { facts = cjson.decode(ARGV[index]), json = ARGV[index], raw = "" }
  end
  local seq = state.seq
  local decided, refusal = committing.decide(state, declared, events, tonumber(ARGV[1]))
  if not decided then
    return refusal
  elseif decided.is_full then
    local status = committing.is_torn(declared, seq) and "torn" or "full"
    return { status, state.cursor, string.format("%d", seq) }
  end
  refusal = committing.commit(state, declared, decided, ARGV[2])
  if refusal then
    return refusal
  end
  local reply = { "submitted", string.format("%d", state.seq) }
  for index = 1, #decided.entries do
    local done = decided.entries[index].done
    reply[#reply + 1], reply[#reply + 2] = done.result, done.reason
    reply[#reply + 1] = done.effects
  end
  return reply
end
