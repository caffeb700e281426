-- What the decision about one event comes to, and the pieces deciders make it of.

local balance = require("balance")
local contribution = require("contribution")
local decimal = require("decimal")

local M = {}

local ONE = decimal.parse("1")

-- Fields that are set later are named here too: a table that has to grow is paid for twice.
function M.new(result, reason)
  return { result = result, reason = reason or "", legs = "[]", effects = "[]", changes = "[]",
    order = "", trace = "", contribution_json = "", order_changed = nil, contributions = nil,
    touched = nil }
end

-- What accounting asks of an instrument. facts: the event's, or the part of it about another
-- instrument (`to`, `underlying`).
function M.terms(facts, strategy)
  local kind = facts.instrument_kind
  return {
    strategy = strategy, instrument = facts.instrument, base = facts.base, quote = facts.quote,
    settlement = facts.settlement,
    multiplier = facts.multiplier and decimal.parse(facts.multiplier) or ONE,
    multiplier_is_one = not facts.multiplier, inverse = facts.inverse == "1",
    dust = facts.dust and decimal.parse(facts.dust) or decimal.zero, spot = kind == "spot",
    kind = kind,
  }
end

-- An empty contribution of an event. about: the facts of the instrument, nil for none.
function M.contribution(facts, strategy, about)
  local instrument = about and about.instrument or ""
  return {
    strategy = strategy, day = facts.day, venue = facts.venue or "-",
    instrument = instrument ~= "" and instrument or "-",
    base = about and about.base, quote = about and about.quote,
    settlement = about and about.settlement,
    trade = nil, volume = nil, quantity = nil, notional = nil, realized_pnl = nil, carry = nil,
    transfer_cost = nil, fees = nil, fee_value = nil, fees_unvalued = nil, failed_fees = nil,
    allocated = nil, trip = nil, order = nil, latency_ns = nil, trips = nil, orders = nil,
  }
end

-- Sums of legs {quantity, notional, quantity, notional, ...} into a contribution.
function M.add_legs(record, legs)
  for index = 1, #legs, 2 do
    if record.quantity then
      record.quantity = decimal.add(record.quantity, legs[index])
      record.notional = decimal.add(record.notional, legs[index + 1])
    else
      record.quantity, record.notional = legs[index], legs[index + 1]
    end
  end
end

-- legs: {quantity, notional, quantity, notional, ...}
function M.legs_text(legs)
  if #legs == 0 then
    return "[]"
  end
  local text = '[["' .. decimal.text(legs[1]) .. '","' .. decimal.text(legs[2])
  for index = 3, #legs, 2 do
    text = text .. '"],["' .. decimal.text(legs[index]) .. '","' .. decimal.text(legs[index + 1])
  end
  return text .. '"]]'
end

-- Takes the amount of a balance out of what is released, or nil.
local function released_of(released, location, token)
  for index = 1, released and #released or 0 do
    local given = released[index]
    if given.location == location and given.token == token and not given.settled then
      given.settled = true
      return given.amount
    end
  end
  return nil
end

-- Settles moves {token, amount, token, amount, ...} at a location, each together with what an order
-- releases there.
function M.settle(state, location, chain_id, moves, changes, released)
  for index = 1, #moves, 2 do
    local token, amount = moves[index], moves[index + 1]
    if decimal.sign(amount) ~= 0 then
      local held = state.balance(location, chain_id, token)
      changes[#changes + 1] = balance.settle(held, amount, released_of(released, location, token))
    end
  end
end

-- Gives back what was released of balances that nothing moved.
function M.give_back(state, released, changes)
  for index = 1, #released do
    local given = released[index]
    if not given.settled then
      local held = state.balance(given.location, given.chain_id, given.token)
      changes[#changes + 1] = balance.reserve(held, decimal.negate(given.amount))
    end
  end
end

-- records: contributions in order; empty ones are left out.
function M.finish(done, changes, records)
  if #changes > 0 then
    done.changes = "[" .. table.concat(changes, ",") .. "]"
  end
  local texts, kept = {}, {}
  for index = 1, #records do
    local json = contribution.json(records[index])
    if json ~= "" then
      kept[#kept + 1], texts[#texts + 1] = records[index], json
    end
  end
  if #kept > 0 then
    done.contributions = kept
    done.contribution_json = #kept == 1 and texts[1] or "[" .. table.concat(texts, ",") .. "]"
  end
  return done
end

return M
