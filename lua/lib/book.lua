-- The decision: what one event does to a book. A ladder of refusals first, each with its own word,
-- then the effect by kind. Pure: states come from `state`, and are changed in place; nothing is
-- written before the whole batch is decided.
--
-- state offers horizon, seen(id), order(key), position(strategy, instrument, facts),
-- balance(location, chain_id, token), trace(id).

local balance = require("balance")
local contribution = require("contribution")
local decimal = require("decimal")
local leg = require("leg")
local movements = require("movements")
local order_state = require("order")
local position = require("position")
local timestamps = require("timestamps")
local token_amounts = require("token_amounts")
local trace = require("trace")

local M = {}

local sign = decimal.sign
local ZERO, ONE = decimal.zero, decimal.parse("1")

-- Fields that are set later are named here too: a table that has to grow is paid for twice.
local function outcome(result, reason)
  return { result = result, reason = reason or "", legs = "[]", changes = "[]",
    order = "", trace = "", contribution_json = "", order_changed = nil, contribution = nil }
end

local function terms_of(facts, strategy)
  local kind = facts.instrument_kind
  return {
    strategy = strategy, instrument = facts.instrument, base = facts.base,
    settlement = facts.settlement, multiplier = facts.multiplier and decimal.parse(facts.multiplier) or ONE,
    multiplier_is_one = not facts.multiplier, inverse = facts.inverse == "1",
    dust = facts.dust and decimal.parse(facts.dust) or ZERO, spot = kind == "spot",
  }
end

local function parse_fees(listed)
  local fees = {}
  for index = 1, #listed do
    fees[index] = { listed[index][1], decimal.parse(listed[index][2]), listed[index][3] }
  end
  return fees
end

-- legs: {quantity, notional, quantity, notional, ...}
local function legs_text(legs)
  if #legs == 0 then
    return "[]"
  end
  local text = '[["' .. decimal.text(legs[1]) .. '","' .. decimal.text(legs[2])
  for index = 3, #legs, 2 do
    text = text .. '"],["' .. decimal.text(legs[index]) .. '","' .. decimal.text(legs[index + 1])
  end
  return text .. '"]]'
end

local function settle(state, facts, moves, changes)
  for index = 1, #moves, 2 do
    local amount = moves[index + 1]
    if sign(amount) ~= 0 then
      local held = state.balance(facts.location, facts.chain_id or "0", moves[index])
      changes[#changes + 1] = balance.settle(held, amount)
    end
  end
end

-- Nil when there are none.
local function fees_by_token(fees)
  local first = fees[1]
  if not first then
    return nil
  end
  local summed = token_amounts.of(first[1], first[2])
  for index = 2, #fees do
    token_amounts.add(summed, fees[index][1], fees[index][2])
  end
  return summed
end

local function new_contribution(facts, strategy, order)
  local instrument = facts.instrument or (order and order.instrument) or ""
  return {
    strategy = strategy, day = facts.day, venue = facts.venue,
    instrument = instrument ~= "" and instrument or "-",
    base = facts.base, quote = facts.quote, settlement = facts.settlement,
    trade = nil, volume = nil, realized_pnl = nil, fees = nil, fee_value = nil,
    fees_unvalued = nil, failed_fees = nil, trip = nil, order = nil, latency_ns = nil,
  }
end

local function finish(done, changes, record)
  if #changes > 0 then
    done.changes = "[" .. table.concat(changes, ",") .. "]"
  end
  local json = record and contribution.json(record) or ""
  if json ~= "" then
    done.contribution, done.contribution_json = record, json
  end
  return done
end

-- Nanoseconds between decision and execution, or nil when unknown or negative.
local function latency(facts)
  if not facts.decided_at then
    return nil
  end
  local passed = decimal.subtract(decimal.parse(facts.executed_at), decimal.parse(facts.decided_at))
  return sign(passed) >= 0 and decimal.text(passed) or nil
end

-- Puts a quantity, its notional and fees into position, balances, trace and totals.
local function execute(facts, state, terms, execution, is_first_fill)
  local done = outcome("applied")
  local record = new_contribution(facts, terms.strategy)
  local quantity, notional, fees = execution.quantity, execution.notional, execution.fees
  local held = state.position(terms.strategy, terms.instrument, facts)
  local moved = position.apply(held, execution, terms)
  done.legs = legs_text(moved.legs)

  local kind = facts.instrument_kind
  local moves
  if kind == "spot" or kind == "equity" then
    moves = movements.trade(facts.base, quantity, facts.quote, notional)
  elseif kind == "option" then
    moves = movements.of(facts.settlement, decimal.negate(notional))
  else
    moves = movements.of(facts.settlement, moved.realized)
  end
  movements.pay_fees(moves, fees)
  local changes = { moved.changes }
  settle(state, facts, moves, changes)

  if execution.counts then
    record.trade, record.volume = true, decimal.absolute(notional)
    if facts.trace then
      done.trace = trace.step(state.trace(facts.trace.id), facts, quantity, notional, fees, terms)
    end
  end
  record.realized_pnl, record.fees = moved.realized, fees_by_token(fees)
  record.fee_value, record.fees_unvalued = moved.fee_value, moved.unvalued
  record.trip = moved.trip
  if is_first_fill then
    record.order = "filled"
    record.latency_ns = latency(facts)
  end
  return finish(done, changes, record)
end

-- Price of one unit of base: as told, or what the whole amount comes to.
local function effective_price(facts, quantity, notional, terms)
  if facts.quote_amount then
    if sign(quantity) == 0 then
      return nil
    end
    local decimals = decimal.scale(notional)
    if decimals < 18 then
      decimals = 18
    end
    local size = decimal.absolute(decimal.multiply(quantity, terms.multiplier))
    return decimal.divide(decimal.absolute(notional), size, decimals)
  end
  return facts.price and decimal.parse(facts.price)
end

local function priced(facts, quantity, terms)
  if not facts.price and not facts.quote_amount then
    return sign(quantity) == 0 and ZERO or nil
  end
  local quote_amount = facts.quote_amount and decimal.parse(facts.quote_amount)
  local price = facts.price and decimal.parse(facts.price)
  return leg.notional(quantity, price, quote_amount, terms)
end

local function fill(facts, state, order, strategy)
  local quantity = decimal.parse(facts.quantity)
  if order and sign(quantity) * sign(order.quantity) < 0 then
    return outcome("refused", "order_mismatch")
  elseif not facts.base then
    return outcome("refused", "unknown_instrument")
  end
  local terms = terms_of(facts, strategy)
  local notional = priced(facts, quantity, terms)
  if not notional then
    return outcome("refused", "price_missing")
  end
  local fees = parse_fees(facts.fees or {})
  local price = effective_price(facts, quantity, notional, terms)
  local is_first = false
  if order then
    if order.status == "" then
      order.status = "open"
    end
    quantity, notional, fees = order_state.take_fill(order, quantity, notional, fees)
    is_first = order_state.record(order, quantity, notional, fees, facts.executed_at)
  end
  if sign(quantity) == 0 and #fees == 0 then
    return outcome("covered")
  end
  local execution = { quantity = quantity, notional = notional, fees = fees, price = price,
    at = facts.executed_at, counts = sign(quantity) ~= 0 }
  return execute(facts, state, terms, execution, is_first)
end

-- Costs of something that did not execute: balances and totals, never a position.
local function pay_failed(facts, state, strategy, order, fees, counted)
  local changes = {}
  local record = new_contribution(facts, strategy, order)
  if #fees > 0 then
    local moves = movements.new()
    movements.pay_fees(moves, fees)
    settle(state, facts, moves, changes)
    record.failed_fees = fees_by_token(fees)
  end
  record.order = counted
  return changes, record
end

local UNFILLED_ENDS = { rejected = true, cancelled = true }

-- "rejected" or "cancelled" if the order just ended so without any execution, else nil. An order
-- ends once: what follows such an end is not counted again.
local function unfilled_end(order, status_before)
  local status = order.status
  if UNFILLED_ENDS[status] and not UNFILLED_ENDS[status_before] and sign(order.quantity) == 0 then
    return status
  end
  return nil
end

local function execution_result(facts, state, order, strategy)
  local told = facts.result
  if told == "unknown" then
    return outcome("noted", "unknown_result")
  end
  local ends = UNFILLED_ENDS[told]
  local quantity = decimal.parse(facts.quantity)
  if decimal.compare(decimal.absolute(quantity), decimal.absolute(order.quantity)) < 0 then
    if ends then
      order_state.set_result(order, told)
    end
    return outcome(ends and "applied" or "stale")
  elseif sign(quantity) * sign(order.quantity) < 0 then
    return outcome("refused", "order_mismatch")
  end
  local moves_quantity = decimal.compare(quantity, order.quantity) ~= 0
  if moves_quantity and not facts.base then
    return outcome("refused", "unknown_instrument")
  end
  local terms = terms_of(facts, strategy)
  local notional = priced(facts, quantity, terms)
  if moves_quantity and not notional then
    return outcome("refused", "price_missing")
  end
  local price = notional and effective_price(facts, quantity, notional, terms)
  local fees = facts.fees and parse_fees(facts.fees)
  quantity, notional, fees = order_state.take_result(order, quantity, notional, fees)
  local is_first = order_state.record(order, quantity, notional, fees, facts.executed_at)
  local status_before = order.status
  order_state.set_result(order, told)
  local ended = unfilled_end(order, status_before)
  if sign(quantity) == 0 and #fees == 0 and not ends then
    return outcome("covered")
  elseif sign(quantity) == 0 and (#fees == 0 or (ends and sign(order.quantity) == 0)) then
    local changes, record = pay_failed(facts, state, strategy, order, fees, ended)
    return finish(outcome("applied"), changes, record)
  end
  local execution = { quantity = quantity, notional = notional, fees = fees, price = price,
    at = facts.executed_at, counts = sign(quantity) ~= 0 }
  return execute(facts, state, terms, execution, is_first)
end

-- A status was told of an order, and what the attempt cost.
local function told_status(facts, state, order, strategy, status, when_no_effect)
  local status_before = order.status
  order_state.set_status(order, status)
  local fees = parse_fees(facts.fees or {})
  order_state.add_fees(order, fees)
  local counted = unfilled_end(order, status_before)
  local changes, record = pay_failed(facts, state, strategy, order, fees, counted)
  local has_effect = counted or #fees > 0
  return finish(outcome(has_effect and "applied" or when_no_effect), changes, record)
end

local function rejected(facts, state, order, strategy)
  return told_status(facts, state, order, strategy, "rejected", "applied")
end

local function order_status(facts, state, order, strategy)
  return told_status(facts, state, order, strategy, facts.status, "noted")
end

-- A balance from outside, and with strategy, instrument and cost the position it opens.
local function deposit(facts, state)
  local done, changes, record = outcome("applied"), {}, nil
  if facts.strategy and facts.instrument and facts.cost then
    local terms = terms_of(facts, facts.strategy)
    local held = state.position(facts.strategy, facts.instrument, facts)
    local moved = position.apply(held, {
      quantity = decimal.parse(facts.quantity or facts.amount), notional = decimal.parse(facts.cost),
      fees = {}, at = facts.executed_at, counts = false,
    }, terms)
    done.legs = legs_text(moved.legs)
    changes[1], done.strategy = moved.changes, facts.strategy
    record = new_contribution(facts, facts.strategy)
    record.realized_pnl, record.trip = moved.realized, moved.trip
  end
  if facts.token then
    local moves = movements.new()
    movements.add(moves, facts.token, decimal.parse(facts.amount))
    settle(state, facts, moves, changes)
  end
  return finish(done, changes, record)
end

local BY_KIND = {
  fill = fill, execution_result = execution_result, rejected = rejected,
  order_status = order_status,
}

-- Decides one event. Returns {result, reason, legs, changes, order, trace, contribution_json,
-- contribution}; an order that changed is in `order_changed`.
function M.decide(facts, state)
  local kind = facts.kind
  if kind == "quarantined" then
    return outcome("refused", facts.reason)
  elseif kind == "nothing" then
    return outcome("noted", "nothing")
  elseif kind == "opened" or kind == "reference" then
    return outcome("applied")
  elseif state.seen(facts.id) then
    return outcome("duplicate")
  elseif timestamps.not_later(facts.executed_at, state.horizon) then
    return outcome("refused", "older_than_horizon")
  elseif kind == "deposit" or kind == "opening" then
    return deposit(facts, state)
  end

  local order = facts.order and state.order(facts.order)
  if order and order.exists then
    if (facts.strategy and facts.strategy ~= order.strategy)
        or (facts.instrument and order.instrument ~= "" and facts.instrument ~= order.instrument) then
      return outcome("refused", "order_mismatch")
    end
  end
  local strategy = facts.strategy or (order and order.strategy)
  if not strategy or (not order and kind ~= "fill") then
    return outcome("refused", "unknown_order")
  end
  local done = BY_KIND[kind](facts, state, order, strategy)
  local untouched = done.result == "refused" or done.result == "stale"
    or done.reason == "unknown_result"
  if order and not untouched then
    order.exists, order.strategy = true, strategy
    if order.instrument == "" and facts.instrument then
      order.instrument = facts.instrument
    end
    done.order, done.order_changed = order_state.render(order), order
  end
  return done
end

return M
