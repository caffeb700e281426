-- Everything a script reads and writes of one book: hashes in, changed hashes out. Reading fills
-- tables that are decided upon; nothing is written until `write`, which only sets absolute values,
-- so writing the same state twice does no harm.

local balance = require("balance")
local contribution = require("contribution")
local keys = require("keys")
local order_state = require("order")
local pending_state = require("pending")
local position = require("position")
local timestamps = require("timestamps")
local token_amounts = require("token_amounts")
local trace = require("trace")
local valuation = require("valuation")

local M = {}

-- Counts of entries by result, and of traces by how they ended: kept in the book's hash.
local COUNTS = {
  "applied", "duplicate", "covered", "stale", "noted", "refused", "declined",
  "traces_expired", "traces_stranded",
}
local BOOK_FIELDS = {
  "seq", "digest", "previous_update", "reference_version", "generation", "generation_count",
  "generation_size", "newest", "newest_previous", "horizon", "in_flight", "receivables",
  unpack(COUNTS),
}
local FIRST_COUNT = #BOOK_FIELDS - #COUNTS + 1
local BOOK_COUNT = #BOOK_FIELDS
local FUTURE = math.huge
-- What a position's instrument is, by the facts of its last event; read behind its own fields.
local TERM_FIELDS = {
  "instrument_kind", "base", "quote", "settlement", "multiplier", "inverse", "dust",
}
local TERM_DEFAULTS = { multiplier = "1", inverse = "0", dust = "0" }
-- Where it was last traded.
local PLACE_FIELDS = { "chain_id", "location" }
local PLACE_DEFAULTS = { chain_id = "0", location = "" }
local POSITION_FIELDS, TERMS_FROM, PLACE_FROM, VALUES_FROM, STAMP_AT = {}, nil, nil, nil, nil
do
  local function append(fields)
    local first = #POSITION_FIELDS + 1
    for index = 1, #fields do POSITION_FIELDS[#POSITION_FIELDS + 1] = fields[index] end
    return first
  end
  append(position.fields)
  TERMS_FROM, PLACE_FROM = append(TERM_FIELDS), append(PLACE_FIELDS)
  VALUES_FROM = append(valuation.fields)
  STAMP_AT = append({ "seq" })
end
local INDEX_KEYS = {
  "positions", "closed", "strategies", "balances", "traces", "pendings", "reservations",
}
local SUM_NAMES = { in_flight = "in_flight", receivable = "receivables" }

local function number_text(number)
  return string.format("%d", number)
end

-- call: redis.call. declared: keys.declared(KEYS). lane: whose cursor is wanted, or nil.
-- Returns nil when the book does not exist.
function M.open(call, declared, lane)
  local key = keys.key(declared, "book")
  local wanted = {}
  for index = 1, BOOK_COUNT do wanted[index] = BOOK_FIELDS[index] end
  wanted[BOOK_COUNT + 1] = "cursor:" .. (lane or "")
  local totals_from = BOOK_COUNT + 1
  for index = 1, #contribution.total_fields do
    wanted[totals_from + index] = contribution.total_fields[index]
  end
  local values_from = #wanted
  for index = 1, #valuation.total_fields do
    wanted[values_from + index] = valuation.total_fields[index]
  end
  local values = call("HMGET", key, unpack(wanted))
  if not values[1] then
    return nil
  end
  local self = {
    call = call, keys = declared,
    seq = tonumber(values[1]), digest = values[2], previous_update = values[3],
    reference_version = values[4], generation = tonumber(values[5]),
    generation_count = tonumber(values[6]), generation_size = tonumber(values[7]),
    newest = values[8], newest_previous = values[9], horizon = values[10],
    in_flight = token_amounts.parse(values[11]), receivables = token_amounts.parse(values[12]),
    counts = {}, cursors = {}, cursor = values[BOOK_COUNT + 1] or "0-0",
    totals = contribution.parse_totals({ unpack(values, totals_from + 1) }),
    valued = valuation.parse_totals({ unpack(values, values_from + 1, #wanted) }),
    pendings = {}, positions = {}, balances = {}, orders = {}, traces = {}, strategies = {}, rows = {},
    seen_in = {}, new_ids = {},
  }
  self.seen_name = keys.seen(self.generation)
  for index = 1, #INDEX_KEYS do
    keys.key(declared, INDEX_KEYS[index])
  end
  for index = FIRST_COUNT, BOOK_COUNT do
    self.counts[BOOK_FIELDS[index]] = tonumber(values[index] or "0")
  end
  M.bind(self)
  return self
end

local function load(self, name, fields)
  local key = keys.key(self.keys, name)
  return key, key and self.call("HMGET", key, unpack(fields)) or {}
end

-- Names the entry about to be decided: what it touches is stamped with its seq.
function M.begin(self, at)
  self.entry_seq, self.entry_at = self.seq + 1, at
  self.entry_seq_text = number_text(self.entry_seq)
end

-- The interface the rules see (lib/book.lua).
function M.bind(self)
  function self.order(name)
    local present = self.orders[name]
    if not present then
      local key, values = load(self, keys.order(name), order_state.fields)
      present = order_state.parse(name, values)
      present.redis_key, present.had_reservations = key, present.reservations and true
      self.orders[#self.orders + 1] = present
      self.orders[name] = present
    end
    return present
  end

  -- Without marking it as changed. about: what the event says of the instrument.
  function self.peek(strategy, instrument, about)
    if not (about.instrument_kind and about.base and about.quote and about.settlement) then
      error("facts of a position in " .. instrument .. " do not say what it is")
    end
    local name = keys.position(strategy, instrument)
    local present = self.positions[name]
    if not present then
      local key, values = load(self, name, POSITION_FIELDS)
      present = position.parse(values)
      present.terms = { unpack(values, TERMS_FROM, PLACE_FROM - 1) }
      present.place = { unpack(values, PLACE_FROM, VALUES_FROM - 1) }
      present.valued = valuation.parse({ unpack(values, VALUES_FROM, STAMP_AT - 1) })
      present.stamp = values[STAMP_AT]
      present.redis_key, present.member = key, strategy .. ":" .. instrument
      present.strategy, present.instrument = strategy, instrument
      if present.exists then
        present.was_open = values[1] ~= "0"
      else
        keys.key(self.keys, keys.instrument(instrument))
      end
      self.positions[#self.positions + 1] = present
      self.positions[name] = present
    end
    return present
  end

  -- place: what says where the position lies from now on, nil to leave that as it is.
  function self.position(strategy, instrument, about, place)
    local present = self.peek(strategy, instrument, about)
    present.about, present.seq = about, self.entry_seq_text
    present.moved_to = place or present.moved_to
    return present
  end

  -- Strategies that hold or held an instrument, in the order of their text.
  function self.holders(instrument)
    local key = keys.key(self.keys, keys.instrument(instrument))
    local names = key and self.call("ZRANGE", key, "0", "-1") or {}
    local listed = {}
    for index = 1, #names do listed[names[index]] = true end
    for index = 1, #self.positions do
      local present = self.positions[index]
      if present.instrument == instrument and present.seq and not listed[present.strategy] then
        listed[present.strategy] = true
        names[#names + 1] = present.strategy
      end
    end
    table.sort(names)
    return names
  end

  function self.peek_balance(location, chain_id, token)
    local name = keys.balance(location, token)
    local present = self.balances[name]
    if not present then
      local key, values = load(self, name, balance.fields)
      present = balance.parse(location, chain_id, token, values)
      present.redis_key, present.member = key, location .. ":" .. token
      if not present.exists then
        keys.key(self.keys, keys.chain(chain_id))
      end
      self.balances[#self.balances + 1] = present
      self.balances[name] = present
    end
    return present
  end

  function self.balance(location, chain_id, token)
    local present = self.peek_balance(location, chain_id, token)
    present.seq, present.last_update = self.entry_seq_text, self.entry_at
    return present
  end

  local function load_trace(id)
    local present = self.traces[id]
    if not present then
      local key, values = load(self, keys.trace(id), trace.fields)
      present = trace.parse(id, values)
      present.redis_key = key
      self.traces[#self.traces + 1] = present
      self.traces[id] = present
    end
    return present
  end

  -- What was archived, even earlier in this very call, is absent.
  function self.peek_trace(id)
    local present = load_trace(id)
    return present.is_archived and trace.parse(id, {}) or present
  end

  function self.trace(id)
    local present = load_trace(id)
    if present.is_archived then
      trace.begin_anew(present)
    end
    present.seq = self.entry_seq_text
    return present
  end

  -- What is under way, by its id; `keep_pending` marks it as changed.
  function self.pending(id)
    local present = self.pendings[id]
    if not present then
      local key, values = load(self, keys.pending(id), pending_state.fields)
      present = pending_state.parse(id, values)
      present.redis_key = key
      self.pendings[#self.pendings + 1] = present
      self.pendings[id] = present
    end
    return present
  end

  function self.keep_pending(present)
    present.seq, present.exists = self.entry_seq_text, true
    if pending_state.is_correction(present) then
      keys.key(self.keys, "restatements")
    end
  end

  -- Adds to a sum of the whole book: "in_flight" or "receivable".
  function self.add_sum(kind, token, amount)
    token_amounts.add(self[SUM_NAMES[kind]], token, amount)
  end

  function self.count_trace(verdict)
    local name = "traces_" .. verdict
    if self.counts[name] then
      self.counts[name] = self.counts[name] + 1
    end
  end

  -- Seen in this generation or the one before; ids older than both are past the horizon.
  function self.seen(id)
    local generation = self.seen_in[id]
    return generation ~= nil and (generation == FUTURE or generation >= self.generation - 1)
  end
end

-- Looks up all ids of a batch, one call a generation.
function M.look_up(self, ids)
  if #ids == 0 then
    return
  end
  local function look_in(name, generation)
    local key = keys.key(self.keys, name)
    local found = key and self.call("SMISMEMBER", key, unpack(ids)) or {}
    for index = 1, #found do
      if found[index] == 1 then
        self.seen_in[ids[index]] = generation
      end
    end
  end
  if self.generation > 0 then
    look_in(keys.seen(self.generation - 1), self.generation - 1)
  end
  look_in(self.seen_name, self.generation)
  look_in(keys.seen_future(), FUTURE)
end

local SADD_MAX = 1000

-- Ids are collected in lists of one key each, as SADD takes them.
local function add_seen(self, name, id)
  local list = self.new_ids[#self.new_ids]
  if not list or list.name ~= name or #list == SADD_MAX then
    list = { name = name, key = keys.key(self.keys, name) }
    self.new_ids[#self.new_ids + 1] = list
  end
  list[#list + 1] = id
end

-- Remembers an id, and starts a new generation at an exact count, wherever that falls in a batch.
-- An id dated far ahead of its receipt is remembered for good instead: it must not pull the horizon
-- into the future, and the horizon could not tell when it comes again.
function M.remember(self, facts)
  local id, at = facts.id, facts.executed_at
  if timestamps.is_far_ahead(at, facts.received_at) then
    self.seen_in[id] = FUTURE
    add_seen(self, keys.seen_future(), id)
    return
  end
  self.seen_in[id] = self.generation
  add_seen(self, self.seen_name, id)
  self.newest = timestamps.later(self.newest, at)
  self.generation_count = self.generation_count + 1
  if self.generation_count >= self.generation_size then
    self.generation = self.generation + 1
    self.generation_count = 0
    self.horizon = timestamps.later(self.horizon, self.newest_previous)
    self.newest_previous, self.newest = self.newest, "0"
    self.seen_name = keys.seen(self.generation)
    keys.key(self.keys, self.seen_name)
  end
end

local function strategy_totals(self, strategy)
  local present = self.strategies[strategy]
  if not present then
    local key = keys.key(self.keys, keys.strategy(strategy))
    local wanted = { unpack(contribution.total_fields) }
    local count = #wanted
    wanted[count + 1], wanted[count + 2] = "seq", "inception_time"
    for index = 1, #valuation.total_fields do
      wanted[count + 2 + index] = valuation.total_fields[index]
    end
    local values = key and self.call("HMGET", key, unpack(wanted)) or {}
    present = { redis_key = key, strategy = strategy, totals = contribution.parse_totals(values),
      stamp = tonumber(values[count + 1] or "0"), inception_time = values[count + 2],
      valued = valuation.parse_totals({ unpack(values, count + 3, #wanted) }) }
    self.strategies[#self.strategies + 1] = present
    self.strategies[strategy] = present
  end
  return present
end

-- Notes that something of the strategy changed with the entry being decided.
function M.touch_strategy(self, strategy)
  local present = strategy_totals(self, strategy)
  present.inception_time = present.inception_time or self.entry_at
  if present.stamp < self.entry_seq then
    present.seq, present.last_update_time = self.entry_seq_text, self.entry_at
  end
  return present
end

local function attribution_row(self, record)
  local name = keys.attribution(record.strategy, record.day)
  local days = self.rows[name]
  if not days then
    local key = keys.key(self.keys, name)
    days = { redis_key = key, fields = {},
      stamp = tonumber(key and self.call("HGET", key, "seq") or "0") }
    self.rows[#self.rows + 1] = name
    self.rows[name] = days
  end
  local field = contribution.row_field(record)
  local row = days.fields[field]
  if not row then
    local json = days.redis_key and self.call("HGET", days.redis_key, field)
    row = contribution.parse_row(json or nil, record)
    days.fields[#days.fields + 1] = field
    days.fields[field] = row
  end
  return days, row
end

-- Adds a contribution to the totals of book and strategy and to its attribution row, each only if
-- it does not hold this entry yet (the stamp): a redo after a torn write adds nothing twice.
function M.contribute(self, record)
  local strategy = M.touch_strategy(self, record.strategy)
  if strategy.stamp < self.entry_seq then
    strategy.added = strategy.added or contribution.parse_totals({})
    contribution.add_to_totals(strategy.added, record)
  else
    contribution.add_to_totals(self.totals, record)
  end
  local days, row = attribution_row(self, record)
  if days.stamp < self.entry_seq then
    contribution.add_to_row(row, record)
    days.seq = self.entry_seq_text
  end
end

-- What a call adds to a strategy is summed first and then added to strategy and book.
local function close_totals(self)
  for index = 1, #self.strategies do
    local strategy = self.strategies[index]
    if strategy.added then
      contribution.merge_totals(strategy.totals, strategy.added)
      contribution.merge_totals(self.totals, strategy.added)
      strategy.added = nil
    end
  end
end

local function write_hash(self, key, fields, texts, ...)
  local arguments = { ... }
  local count = #arguments
  for index = 1, #fields do
    arguments[count + 1] = fields[index]
    arguments[count + 2] = texts[index]
    count = count + 2
  end
  self.call("HSET", key, unpack(arguments, 1, count))
end

local function append_all(list, more)
  for index = 1, #more do
    list[#list + 1] = more[index]
  end
end

local function add_member(self, name, member, score)
  self.call("ZADD", keys.key(self.keys, name), score or "0", member)
end

local function add_changed(changed, fields, stored, told, defaults)
  for index = 1, #fields do
    local field = fields[index]
    local value = told[field] or defaults[field]
    if stored[index] ~= value then
      changed[#changed + 1], changed[#changed + 2] = field, value
    end
  end
end

-- Fields and values of what the instrument is and where it was traded that are not the stored ones:
-- reference data may have changed.
local function changed_terms(held)
  local changed = {}
  add_changed(changed, TERM_FIELDS, held.terms, held.about, TERM_DEFAULTS)
  if held.moved_to or not held.exists then
    add_changed(changed, PLACE_FIELDS, held.place, held.moved_to or {}, PLACE_DEFAULTS)
  end
  return changed
end

-- Moves a position's value with it, and the totals of its strategy and book by the same difference.
local function revalue(self, held, fields)
  local settlement = held.about.settlement
  local changed, difference = valuation.follow(held)
  for index = 1, #changed do
    fields[#fields + 1] = changed[index]
  end
  if difference then
    valuation.add(self.strategies[held.strategy].valued, settlement, difference)
    valuation.add(self.valued, settlement, difference)
  end
end

-- Indexes go before their hash: a redo tells from the hash what the indexes must have had.
local function write_position(self, held)
  local is_open = held.hash[2] ~= "0" -- its quantity
  if held.was_open ~= is_open then
    add_member(self, is_open and "positions" or "closed", held.member)
    if held.exists then
      self.call("ZREM", keys.key(self.keys, is_open and "closed" or "positions"), held.member)
    end
  end
  local fields = changed_terms(held)
  if not held.exists then
    add_member(self, keys.instrument(held.instrument), held.strategy)
    fields[#fields + 1], fields[#fields + 2] = "strategy_id", held.strategy
    fields[#fields + 1], fields[#fields + 2] = "instrument_id", held.instrument
  end
  revalue(self, held, fields)
  if #fields > 0 then
    for index = 1, #held.hash do
      fields[#fields + 1] = held.hash[index]
    end
  end
  self.call("HSET", held.redis_key, "seq", held.seq, unpack(#fields > 0 and fields or held.hash))
end

local function write_balance(self, held)
  if not held.exists then
    add_member(self, "balances", held.member)
    add_member(self, keys.chain(held.chain_id), held.member)
  end
  self.call("HSET", held.redis_key,
    "location", held.location, "chain_id", held.chain_id, "token", held.token,
    "last_update", held.last_update, "seq", held.seq, unpack(held.hash))
end

local function write_trace(self, present)
  for step = 0, present.stale_steps - 1 do
    self.call("HDEL", present.redis_key, "step:" .. number_text(step))
  end
  local arguments = { "seq", present.seq }
  for step = 1, #present.new_steps do
    arguments[#arguments + 1] = present.new_steps[step][1]
    arguments[#arguments + 1] = present.new_steps[step][2]
  end
  if present.is_archived then
    self.call("ZREM", keys.key(self.keys, "traces"), present.id)
  else
    add_member(self, "traces", present.id, string.sub(present.last, 1, -7))
  end
  write_hash(self, present.redis_key, trace.fields, trace.texts(present), unpack(arguments))
end

local function write_order(self, present)
  local has_reservations = present.hash[#present.hash] ~= "{}"
  if has_reservations then
    add_member(self, "reservations", present.key, string.sub(present.news_at, 1, -7))
  elseif present.had_reservations then
    self.call("ZREM", keys.key(self.keys, "reservations"), present.key)
  end
  self.call("HSET", present.redis_key, "seq", present.seq, unpack(present.hash))
end

local function write_pending(self, present)
  if pending_state.is_correction(present) then
    add_member(self, "restatements", present.id, present.seq)
  end
  if pending_state.is_open(present) then
    add_member(self, "pendings", present.id)
  else
    self.call("ZREM", keys.key(self.keys, "pendings"), present.id)
  end
  self.call("HSET", present.redis_key, "seq", present.seq, unpack(pending_state.hash(present)))
end

local function write_totals(self)
  for index = 1, #self.strategies do
    local present = self.strategies[index]
    if present.seq then
      if present.stamp == 0 then
        add_member(self, "strategies", present.strategy)
      end
      local fields = contribution.changed_totals(present.totals)
      append_all(fields, valuation.changed_totals(present.valued))
      self.call("HSET", present.redis_key, "strategy_id", present.strategy,
        "inception_time", present.inception_time, "last_update_time", present.last_update_time,
        "seq", present.seq, unpack(fields))
    end
  end
  for index = 1, #self.rows do
    local days = self.rows[self.rows[index]]
    if days.seq then
      local texts = {}
      for place = 1, #days.fields do
        texts[place] = contribution.row_json(days.fields[days.fields[place]])
      end
      write_hash(self, days.redis_key, days.fields, texts, "seq", days.seq)
    end
  end
end

local function write_book(self)
  local texts = {
    number_text(self.seq), self.digest, self.previous_update, self.reference_version,
    number_text(self.generation), number_text(self.generation_count),
    number_text(self.generation_size), self.newest, self.newest_previous, self.horizon,
    token_amounts.text(self.in_flight), token_amounts.text(self.receivables),
  }
  for index = FIRST_COUNT, BOOK_COUNT do
    texts[index] = number_text(self.counts[BOOK_FIELDS[index]])
  end
  local arguments = {}
  for lane, cursor in pairs(self.cursors) do
    arguments[#arguments + 1] = "cursor:" .. lane
    arguments[#arguments + 1] = cursor
  end
  append_all(arguments, contribution.changed_totals(self.totals))
  append_all(arguments, valuation.changed_totals(self.valued))
  write_hash(self, keys.key(self.keys, "book"), BOOK_FIELDS, texts, unpack(arguments))
end

-- Writes everything that changed, the book last: until its seq moves, the journal is ahead of it
-- and shows the book as torn.
function M.write(self)
  for index = 1, #self.positions do
    if self.positions[index].seq then write_position(self, self.positions[index]) end
  end
  for index = 1, #self.balances do
    if self.balances[index].seq then write_balance(self, self.balances[index]) end
  end
  for index = 1, #self.orders do
    if self.orders[index].seq then write_order(self, self.orders[index]) end
  end
  for index = 1, #self.traces do
    if self.traces[index].seq then write_trace(self, self.traces[index]) end
  end
  for index = 1, #self.pendings do
    if self.pendings[index].seq then write_pending(self, self.pendings[index]) end
  end
  close_totals(self)
  write_totals(self)
  for index = 1, #self.new_ids do
    self.call("SADD", self.new_ids[index].key, unpack(self.new_ids[index]))
  end
  write_book(self)
end

return M
