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
--        applied   applied, duplicate, covered, stale, noted, refused (counts of this call)
--        full      the same, and the quarantine has no room for the next event
--        already   the lane's cursor stands at the end of this batch
--        cursor    the cursor is not where the caller believed; nothing changed
--        reference the book's reference version is the fourth text; nothing changed
--        need      then the keys that were missing; nothing changed
--        failed    no rule could decide the event whose number (from 1) is the fourth text; the fifth
--                  is the error; nothing changed
--        torn      the journal is ahead of the book: redo first; nothing changed
--        no_book   the book does not exist

local book = require("book")
local book_state = require("book_state")
local journal = require("journal")
local keys = require("keys")

local COUNTS = { "applied", "duplicate", "covered", "stale", "noted", "refused" }

local function decode(arguments)
  local events, ids = {}, {}
  for index = 6, #arguments, 2 do
    local facts = cjson.decode(arguments[index])
    events[#events + 1] = { facts = facts, json = arguments[index], raw = arguments[index + 1] }
    if facts.id then
      ids[#ids + 1] = facts.id
    end
  end
  return events, ids
end

-- Decides every event in order. Returns the journal entries, and whether the quarantine was full.
local function decide_all(state, events, room)
  local entries, counts = {}, {}
  for index = 1, #COUNTS do counts[COUNTS[index]] = 0 end
  for index = 1, #events do
    local event = events[index]
    local facts = event.facts
    book_state.begin(state, facts.executed_at)
    local done = book.decide(facts, state)
    if done.result == "refused" and counts.refused >= room then
      return entries, counts, true
    end
    local fields, digest = journal.entry(event.json, facts.kind, done, state.previous_update,
      state.digest, redis.sha1hex)
    entries[#entries + 1] = { seq = state.entry_seq_text, fields = fields, done = done,
      facts = facts, raw = event.raw, previous_update = state.previous_update }
    state.seq, state.digest, state.cursor = state.entry_seq, digest, journal.place_after(facts)
    state.cursors[facts.lane] = state.cursor
    counts[done.result] = counts[done.result] + 1
    state.counts[done.result] = state.counts[done.result] + 1
    if done.changes ~= "[]" then
      state.previous_update = state.entry_seq_text
    end
    if done.order_changed then
      done.order_changed.seq = state.entry_seq_text
    end
    if done.contribution then
      book_state.contribute(state, done.contribution)
    elseif done.strategy then
      book_state.touch_strategy(state, done.strategy)
    end
    if facts.id and done.result ~= "duplicate" and done.result ~= "refused" then
      book_state.remember(state, facts)
    end
  end
  return entries, counts, false
end

-- Tells what a rule raised from a command the server refused, which is no fault of the event; the
-- servers' own pcall makes text of both.
local function uncaught(problem)
  if type(problem) == "table" then
    return { of_server = problem }
  end
  return { of_event = tostring(problem) }
end

local function quarantine(key, entry)
  redis.call("XADD", key, entry.seq .. "-0", "reason", entry.done.reason,
    "detail", entry.facts.detail or "", "facts", entry.fields[8], "raw", entry.raw)
end

return function(KEYS, ARGV)
  local lane, cursor, reference_version = ARGV[1], ARGV[2], ARGV[3]
  local quarantine_max, publish = tonumber(ARGV[4]), ARGV[5]
  local declared = keys.declared(KEYS)
  local journal_key = keys.key(declared, "journal")
  local quarantine_key = keys.key(declared, "quarantine")
  if #declared.needs > 0 then
    return { "need", unpack(declared.needs) }
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

  local events, ids = decode(ARGV)
  book_state.look_up(state, ids)
  local room = quarantine_max - redis.call("XLEN", quarantine_key)
  local decided, entries, counts, is_full = xpcall(function()
    return decide_all(state, events, room)
  end, uncaught)
  if #declared.needs > 0 then
    return { "need", unpack(declared.needs) }
  elseif not decided and entries.of_server then
    error(entries.of_server)
  elseif not decided then
    return { "failed", cursor, seq, string.format("%d", state.entry_seq - tonumber(seq)),
      entries.of_event }
  end

  if #entries == 0 and is_full then
    -- what fills the quarantine may be this very batch, cut off: no XADD would show it
    local ahead = redis.call("XRANGE", journal_key, string.format("%d-0", state.seq + 1), "+",
      "COUNT", "1")
    if #ahead > 0 then
      return { "torn", cursor, seq }
    end
  end
  for index = 1, #entries do
    local entry = entries[index]
    if index == 1 then
      local added = redis.pcall("XADD", journal_key, entry.seq .. "-0", unpack(entry.fields))
      if type(added) == "table" and added.err then
        if string.find(added.err, "equal or smaller", 1, true) then
          return { "torn", cursor, seq }
        end
        return added
      end
    else
      redis.call("XADD", journal_key, entry.seq .. "-0", unpack(entry.fields))
    end
  end
  if #entries > 0 then
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
  end

  local reply = { is_full and "full" or "applied", state.cursor, string.format("%d", state.seq) }
  for index = 1, #COUNTS do
    reply[#reply + 1] = string.format("%d", counts[COUNTS[index]])
  end
  return reply
end
