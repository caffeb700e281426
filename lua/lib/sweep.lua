-- An event that may touch several positions and places: collects what it does to each, and makes
-- the outcome of it. Positions are changed at once, balances when all of them are known.

local decimal = require("decimal")
local movements = require("movements")
local outcome = require("outcome")
local position = require("position")

local M = {}

local sign, negate, text = decimal.sign, decimal.negate, decimal.text

function M.new(facts, state)
  return { facts = facts, state = state, changes = {}, legs = {}, effects = {}, endings = {},
    records = {}, record_by_name = {}, touched = {}, moves = movements.new() }
end

-- The position of a strategy in the instrument `about` describes (the event's facts, or a part of
-- them). place: what says where it lies now, nil to leave that as it was.
function M.position(self, strategy, about, place)
  local held = self.state.position(strategy, about.instrument, about, place)
  self.touched[#self.touched + 1] = strategy
  return held, outcome.terms(about, strategy)
end

local function name_of(terms)
  return terms.strategy .. ":" .. terms.instrument
end

local function leg_text(quantity, notional, terms)
  return '["' .. text(quantity) .. '","' .. text(notional) .. '","' .. name_of(terms) .. '"]'
end

-- The contribution of a position to the event: one, whatever happens to the position.
local function record_of(self, terms, about)
  local name = name_of(terms)
  local record = self.record_by_name[name]
  if not record then
    record = outcome.contribution(self.facts, terms.strategy, about)
    self.record_by_name[name] = record
    self.records[#self.records + 1] = record
  end
  return record
end

local function add_realized(record, realized, trip)
  record.realized_pnl = record.realized_pnl and decimal.add(record.realized_pnl, realized) or realized
  record.trip = trip or record.trip
end

-- Puts one leg into a position. Returns what it realized.
function M.leg(self, held, terms, about, quantity, notional)
  local moved = position.apply(held, { quantity = quantity, notional = notional, fees = {},
    at = self.facts.executed_at, counts = false }, terms)
  self.changes[#self.changes + 1] = moved.changes
  self.legs[#self.legs + 1] = leg_text(quantity, notional, terms)
  local record = record_of(self, terms, about)
  outcome.add_legs(record, { quantity, notional })
  add_realized(record, moved.realized, moved.trip)
  return moved.realized
end

-- Books carry or a cost of transfer; the other is nil.
function M.earn(self, held, terms, about, carry, transfer_cost)
  self.changes[#self.changes + 1] =
    position.earn(held, carry, transfer_cost, terms, self.facts.executed_at)
  local record = record_of(self, terms, about)
  record.carry, record.transfer_cost = carry or record.carry, transfer_cost or record.transfer_cost
end

-- Changes quantity and cost other than by a leg. paid: notional of a leg without quantity, or nil.
function M.restate(self, held, terms, about, change)
  local moved = decimal.subtract(change.quantity, held.quantity)
  local told, trip = position.restate(held, change.quantity, change.cost, change.realized, terms,
    self.facts.executed_at)
  self.changes[#self.changes + 1] = told
  local record = record_of(self, terms, about)
  add_realized(record, change.realized, trip)
  if change.is_rescaled then
    record.quantity, record.notional = moved, change.paid or decimal.zero
  end
  if change.paid then
    self.legs[#self.legs + 1] = leg_text(decimal.zero, change.paid, terms)
  end
  return moved
end

-- What a leg moves between balances, by the kind of its instrument.
function M.move_by_kind(self, about, quantity, notional, realized)
  local kind = about.instrument_kind
  if kind == "spot" or kind == "equity" then
    movements.add(self.moves, about.base, quantity)
    movements.add(self.moves, about.quote, negate(notional))
  elseif kind == "option" then
    movements.add(self.moves, about.settlement, negate(notional))
  else
    movements.add(self.moves, about.settlement, realized)
  end
end

function M.effect(self, json)
  self.effects[#self.effects + 1] = json
end

function M.rescaled(self, terms, quantity, removed)
  M.effect(self, '{"type":"rescale","position":"' .. name_of(terms) .. '","quantity":"'
    .. text(quantity) .. '","removed":"' .. text(removed) .. '"}')
end

function M.settled(self, terms, amount)
  M.effect(self, '{"type":"settle","position":"' .. name_of(terms) .. '","amount":"'
    .. text(amount) .. '"}')
end

-- A sum the whole book keeps: "in_flight" or "receivable". Told after everything else.
function M.sum(self, kind, token, amount)
  if sign(amount) == 0 then
    return
  end
  self.endings[#self.endings + 1] = '{"type":"' .. kind .. '","token":"' .. token
    .. '","amount":"' .. text(amount) .. '"}'
  self.state.add_sum(kind, token, amount)
end

-- Settles at the event's location what was moved. Call when every position is done.
function M.settle(self, location, chain_id, moves)
  outcome.settle(self.state, location, chain_id or "0", moves or self.moves, self.changes)
end

-- Strategies with a position that is not flat, in the order of their text; only `strategy` if the
-- event names one. Each as {strategy, held, terms}.
function M.holders(self)
  local facts, found = self.facts, {}
  local names = facts.strategy and { facts.strategy } or self.state.holders(facts.instrument)
  for index = 1, #names do
    local held = self.state.peek(names[index], facts.instrument, facts)
    if held and sign(held.quantity) ~= 0 then
      found[#found + 1] = { strategy = names[index], held = held,
        terms = outcome.terms(facts, names[index]) }
    end
  end
  return found
end

-- Takes a holder for changing.
function M.take(self, holder)
  return M.position(self, holder.strategy, self.facts)
end

function M.done(self, result, reason)
  local done = outcome.new(result or "applied", reason)
  if #self.legs > 0 then
    done.legs = "[" .. table.concat(self.legs, ",") .. "]"
  end
  for index = 1, #self.endings do
    self.effects[#self.effects + 1] = self.endings[index]
  end
  if #self.effects > 0 then
    done.effects = "[" .. table.concat(self.effects, ",") .. "]"
  end
  done.touched = self.touched
  return outcome.finish(done, self.changes, self.records)
end

return M
