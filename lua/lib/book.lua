-- The decision: what one event does to a book. A ladder of refusals first, each with its own word,
-- then the effect by kind. Pure: states come from `state`, and are changed in place; nothing is
-- written before the whole batch is decided.
--
-- state offers horizon, seen(id), order(key), position(strategy, instrument, about, place),
-- balance(location, chain_id, token), trace(id), pending(id), holders(instrument), and the same
-- without marking them as changed: peek(strategy, instrument, about), peek_balance, peek_trace.

local capital = require("capital")
local correction = require("correction")
local decimal = require("decimal")
local ending = require("ending")
local leg = require("leg")
local life = require("life")
local movements = require("movements")
local order_state = require("order")
local outcome = require("outcome")
local position = require("position")
local timestamps = require("timestamps")
local token_amounts = require("token_amounts")
local trace = require("trace")
local transfers = require("transfers")

local M = {}

local sign = decimal.sign
local ZERO = decimal.zero

local function parse_fees(listed)
  local fees = {}
  for index = 1, #listed do
    fees[index] = { listed[index][1], decimal.parse(listed[index][2]), listed[index][3] }
  end
  return fees
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

-- Nanoseconds between decision and execution, or nil when unknown or negative.
local function latency(facts)
  if not facts.decided_at then
    return nil
  end
  local passed = decimal.subtract(decimal.parse(facts.executed_at), decimal.parse(facts.decided_at))
  return sign(passed) >= 0 and decimal.text(passed) or nil
end

-- Settles what an order's event moved, with what its order no longer needs to reserve.
local function settle(facts, state, order, moves, has_quantity, changes)
  local released = capital.freed(order, facts, moves, has_quantity)
  outcome.settle(state, facts.location, facts.chain_id or "0", moves, changes, released)
  if released then
    outcome.give_back(state, released, changes)
  end
end

-- Puts a quantity, its notional and fees into position, balances, trace and totals.
local function execute(facts, state, order, terms, execution, is_first_fill)
  local done = outcome.new("applied")
  local record = outcome.contribution(facts, terms.strategy, facts)
  local quantity, notional, fees = execution.quantity, execution.notional, execution.fees
  local held = state.position(terms.strategy, terms.instrument, facts, facts)
  local moved = position.apply(held, execution, terms)
  done.legs = outcome.legs_text(moved.legs)
  outcome.add_legs(record, moved.legs)

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
  settle(facts, state, order, moves, execution.counts, changes)

  if execution.counts then
    record.trade, record.volume = 1, decimal.absolute(notional)
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
  return outcome.finish(done, changes, { record })
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
    return outcome.new("refused", "order_mismatch")
  elseif not facts.base then
    return outcome.new("refused", "unknown_instrument")
  end
  local terms = outcome.terms(facts, strategy)
  local notional = priced(facts, quantity, terms)
  if not notional then
    return outcome.new("refused", "price_missing")
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
    return outcome.new("covered")
  end
  local execution = { quantity = quantity, notional = notional, fees = fees, price = price,
    at = facts.executed_at, counts = sign(quantity) ~= 0 }
  return execute(facts, state, order, terms, execution, is_first)
end

-- Costs of something that did not execute: balances and totals, never a position; and what its order
-- no longer needs to reserve. Returns the changes and the contribution.
local function pay_failed(facts, state, strategy, order, fees, counted)
  local changes = {}
  local about = { instrument = facts.instrument or order.instrument, base = facts.base,
    quote = facts.quote, settlement = facts.settlement }
  local record = outcome.contribution(facts, strategy, about)
  local moves = movements.new()
  if #fees > 0 then
    movements.pay_fees(moves, fees)
    record.failed_fees = fees_by_token(fees)
  end
  settle(facts, state, order, moves, false, changes)
  record.order = counted
  return changes, record
end

-- An event that changes no figure, unless its order ends with it and gives something back.
local function no_effect(facts, state, order, result)
  local changes = {}
  settle(facts, state, order, {}, false, changes)
  return outcome.finish(outcome.new(#changes > 0 and "applied" or result), changes, {})
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
    return outcome.new("noted", "unknown_result")
  end
  local ends = UNFILLED_ENDS[told]
  local quantity = decimal.parse(facts.quantity)
  if decimal.compare(decimal.absolute(quantity), decimal.absolute(order.quantity)) < 0 then
    if not ends then
      return outcome.new("stale")
    end
    order_state.set_result(order, told)
    return no_effect(facts, state, order, "applied")
  elseif sign(quantity) * sign(order.quantity) < 0 then
    return outcome.new("refused", "order_mismatch")
  end
  local moves_quantity = decimal.compare(quantity, order.quantity) ~= 0
  if moves_quantity and not facts.base then
    return outcome.new("refused", "unknown_instrument")
  end
  local terms = outcome.terms(facts, strategy)
  local notional = priced(facts, quantity, terms)
  if moves_quantity and not notional then
    return outcome.new("refused", "price_missing")
  end
  local price = notional and effective_price(facts, quantity, notional, terms)
  local fees = facts.fees and parse_fees(facts.fees)
  quantity, notional, fees = order_state.take_result(order, quantity, notional, fees)
  local is_first = order_state.record(order, quantity, notional, fees, facts.executed_at)
  local status_before = order.status
  order_state.set_result(order, told)
  local ended = unfilled_end(order, status_before)
  if sign(quantity) == 0 and #fees == 0 and not ends then
    return no_effect(facts, state, order, "covered")
  elseif sign(quantity) == 0 and (#fees == 0 or (ends and sign(order.quantity) == 0)) then
    local changes, record = pay_failed(facts, state, strategy, order, fees, ended)
    return outcome.finish(outcome.new("applied"), changes, { record })
  end
  local execution = { quantity = quantity, notional = notional, fees = fees, price = price,
    at = facts.executed_at, counts = sign(quantity) ~= 0 }
  return execute(facts, state, order, terms, execution, is_first)
end

-- A status was told of an order, and what the attempt cost.
local function told_status(facts, state, order, strategy, status, when_no_effect)
  local status_before = order.status
  order_state.set_status(order, status)
  local fees = parse_fees(facts.fees or {})
  order_state.add_fees(order, fees)
  local counted = unfilled_end(order, status_before)
  local changes, record = pay_failed(facts, state, strategy, order, fees, counted)
  local has_effect = counted or #fees > 0 or #changes > 0
  return outcome.finish(outcome.new(has_effect and "applied" or when_no_effect), changes, { record })
end

local function rejected(facts, state, order, strategy)
  return told_status(facts, state, order, strategy, "rejected", "applied")
end

local function order_status(facts, state, order, strategy)
  return told_status(facts, state, order, strategy, facts.status, "noted")
end

-- A balance from outside, and with strategy, instrument and cost the position it opens.
local function deposit(facts, state)
  local done, changes, records = outcome.new("applied"), {}, {}
  if facts.strategy and facts.instrument and facts.cost then
    local terms = outcome.terms(facts, facts.strategy)
    local held = state.position(facts.strategy, facts.instrument, facts, facts)
    local moved = position.apply(held, {
      quantity = decimal.parse(facts.quantity or facts.amount), notional = decimal.parse(facts.cost),
      fees = {}, at = facts.executed_at, counts = false,
    }, terms)
    done.legs = outcome.legs_text(moved.legs)
    changes[1], done.touched = moved.changes, { facts.strategy }
    local record = outcome.contribution(facts, facts.strategy, facts)
    outcome.add_legs(record, moved.legs)
    record.realized_pnl, record.trip = moved.realized, moved.trip
    records[1] = record
  end
  if facts.token then
    local moves = movements.of(facts.token, decimal.parse(facts.amount))
    outcome.settle(state, facts.location, facts.chain_id or "0", moves, changes)
  end
  return outcome.finish(done, changes, records)
end

local OF_ORDER = {
  fill = fill, execution_result = execution_result, rejected = rejected,
  order_status = order_status,
}
local OF_BOOK = {
  deposit = deposit, opening = deposit, adjustment = deposit, withdrawal = transfers.withdrawal,
  transfer = transfers.transfer, allocation = capital.allocation, reserve = capital.reserve,
  release = capital.release, funding = life.funding, dividend = life.dividend, split = life.split,
  expiry = life.expiry, exercise = life.exercise, settlement = life.settlement,
  fee_value = life.fee_value, trace_expired = ending.expire, trace_archived = ending.archive,
  bust = correction.ask, correct = correction.ask, correction_failed = correction.fail,
  restatement = correction.restate,
}

-- Decides an event of an order by what is known of the order.
local function decide_of_order(facts, state)
  local order = facts.order and state.order(facts.order)
  local strategy = facts.strategy
  if order and order.exists then
    if (strategy and order.strategy ~= "" and strategy ~= order.strategy)
        or (facts.instrument and order.instrument ~= "" and facts.instrument ~= order.instrument) then
      return outcome.new("refused", "order_mismatch")
    elseif not strategy and order.strategy ~= "" then
      strategy = order.strategy
    end
  end
  if not strategy or (not order and facts.kind ~= "fill") then
    return outcome.new("refused", "unknown_order")
  end
  local done = OF_ORDER[facts.kind](facts, state, order, strategy)
  local untouched = done.result == "refused" or done.result == "stale"
    or done.reason == "unknown_result"
  if order and not untouched then
    order.exists, order.strategy = true, strategy
    order.news_at = facts.executed_at
    if order.instrument == "" and facts.instrument then
      order.instrument = facts.instrument
    end
    done.order, done.order_changed = order_state.render(order), order
  end
  return done
end

-- Decides one event. Returns what lib/outcome.lua describes; an order that changed is in
-- `order_changed`, strategies whose positions changed without a contribution in `touched`.
function M.decide(facts, state)
  local kind = facts.kind
  if kind == "quarantined" then
    return outcome.new("refused", facts.reason)
  elseif kind == "nothing" then
    return outcome.new("noted", "nothing")
  elseif kind == "opened" or kind == "reference" then
    return outcome.new("applied")
  elseif state.seen(facts.id) then
    return outcome.new("duplicate")
  elseif timestamps.not_later(facts.executed_at, state.horizon) then
    return outcome.new("refused", "older_than_horizon")
  elseif OF_ORDER[kind] then
    return decide_of_order(facts, state)
  end
  return OF_BOOK[kind](facts, state)
end

return M
