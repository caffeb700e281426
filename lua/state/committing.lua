-- From events to a book that has taken them: decides every event in order against what was read, then
-- writes the journal, the state and the updates. Everything is decided before anything is written.

local book = require("book")
local book_state = require("book_state")
local journal = require("journal")
local keys = require("keys")

local M = {}

M.results = { "applied", "duplicate", "covered", "stale", "noted", "refused", "declined" }

local FORGOTTEN = { duplicate = true, refused = true, declined = true }

-- Whether the id of an event with this result is remembered: what changed nothing may come again.
function M.is_remembered(result)
  return not FORGOTTEN[result]
end

-- The reply that tells which keys are missing, or nil.
function M.lacks(declared)
  keys.key(declared, "journal")
  keys.key(declared, "quarantine")
  return #declared.needs > 0 and { "need", unpack(declared.needs) } or nil
end

local function decide_one(state, event)
  local facts = event.facts
  book_state.begin(state, facts.executed_at)
  return book.decide(facts, state)
end

-- What follows from a decision for the book itself.
local function take(state, event, done)
  local facts = event.facts
  local fields, digest = journal.entry(event.json, facts.kind, done, state.previous_update,
    state.digest, redis.sha1hex)
  local entry = { seq = state.entry_seq_text, fields = fields, done = done, facts = facts,
    raw = event.raw, previous_update = state.previous_update }
  state.seq, state.digest = state.entry_seq, digest
  if facts.lane then
    state.cursor = journal.place_after(facts)
    state.cursors[facts.lane] = state.cursor
  end
  state.counts[done.result] = state.counts[done.result] + 1
  if done.changes ~= "[]" then
    state.previous_update = state.entry_seq_text
  end
  if done.order_changed then
    done.order_changed.seq = state.entry_seq_text
  end
  for index = 1, done.touched and #done.touched or 0 do
    book_state.touch_strategy(state, done.touched[index])
  end
  for index = 1, done.contributions and #done.contributions or 0 do
    book_state.contribute(state, done.contributions[index])
  end
  if facts.id and M.is_remembered(done.result) then
    book_state.remember(state, facts)
  end
  return entry
end

local function decide_all(state, events, room)
  local entries, counts = {}, {}
  for index = 1, #M.results do counts[M.results[index]] = 0 end
  for index = 1, #events do
    local done = decide_one(state, events[index])
    if done.result == "refused" and counts.refused >= room then
      return { entries = entries, counts = counts, is_full = true }
    end
    entries[#entries + 1] = take(state, events[index], done)
    counts[done.result] = counts[done.result] + 1
  end
  return { entries = entries, counts = counts, is_full = false }
end

-- Tells what a rule raised from a command the server refused, which is no fault of the event; the
-- servers' own pcall makes text of both.
local function uncaught(problem)
  if type(problem) == "table" then
    return { of_server = problem }
  end
  return { of_event = tostring(problem) }
end

-- events: a list of {facts, json, raw}. Returns {entries, counts, is_full}, or nil and the reply that
-- says why nothing may change.
function M.decide(state, declared, events, quarantine_max)
  local seq, cursor = string.format("%d", state.seq), state.cursor
  local ids = {}
  for index = 1, #events do
    ids[#ids + 1] = events[index].facts.id
  end
  book_state.look_up(state, ids)
  local room = quarantine_max - redis.call("XLEN", keys.key(declared, "quarantine"))
  local is_decided, decided = xpcall(function()
    return decide_all(state, events, room)
  end, uncaught)
  if #declared.needs > 0 then
    return nil, { "need", unpack(declared.needs) }
  elseif is_decided then
    return decided
  elseif decided.of_server then
    error(decided.of_server)
  end
  return nil, { "failed", cursor, seq, string.format("%d", state.entry_seq - tonumber(seq)),
    decided.of_event }
end

local function quarantine(key, entry)
  redis.call("XADD", key, entry.seq .. "-0", "reason", entry.done.reason,
    "detail", entry.facts.detail or "", "facts", entry.fields[8], "raw", entry.raw)
end

-- The first entry meets a journal that is ahead of the book: then an earlier call was cut off, and
-- its reply is "torn". Other errors are the server's.
local function first_to_journal(key, entry)
  local added = redis.pcall("XADD", key, entry.seq .. "-0", unpack(entry.fields))
  if type(added) == "table" and added.err then
    if string.find(added.err, "equal or smaller", 1, true) then
      return { "torn" }
    end
    return added
  end
  return nil
end

-- Whether the journal goes on after the seq of the book. What fills the quarantine may be the very
-- batch that was cut off: where nothing is written, no XADD would show it.
function M.is_torn(declared, seq)
  local key = keys.key(declared, "journal")
  return #redis.call("XRANGE", key, string.format("%d-0", seq + 1), "+", "COUNT", "1") > 0
end

-- Writes what was decided. Returns nil, or the reply that says why nothing was written.
function M.commit(state, declared, decided, publish)
  local journal_key = keys.key(declared, "journal")
  local entries = decided.entries
  if #entries == 0 then
    if decided.is_full and M.is_torn(declared, state.seq) then
      return { "torn", state.cursor, string.format("%d", state.seq) }
    end
    return nil
  end
  local refusal = first_to_journal(journal_key, entries[1])
  if refusal then
    return refusal[1] and { refusal[1], state.cursor, string.format("%d", state.seq) } or refusal
  end
  for index = 2, #entries do
    redis.call("XADD", journal_key, entries[index].seq .. "-0", unpack(entries[index].fields))
  end
  local quarantine_key = keys.key(declared, "quarantine")
  for index = 1, #entries do
    if entries[index].done.result == "refused" then
      quarantine(quarantine_key, entries[index])
    end
  end
  book_state.write(state)
  local channel = declared.prefix .. "updates"
  for index = 1, #entries do
    local entry = entries[index]
    if entry.done.changes ~= "[]" then
      redis.call(publish, channel, journal.update_message(declared.prefix, entry.seq,
        entry.previous_update, entry.facts, entry.done.changes))
    end
  end
  return nil
end

return M
