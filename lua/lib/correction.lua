-- Corrections of trades: a request waits until what it changes has been derived anew, then its
-- restatement sets the position to the derived figures, in one entry, or is declined when the position
-- has moved since they were derived. What was journaled before stays; the restatement links to it.

local decimal = require("decimal")
local order_state = require("order")
local outcome = require("outcome")
local pending_state = require("pending")
local position = require("position")
local token_amounts = require("token_amounts")

local M = {}

local add, subtract, sign = decimal.add, decimal.subtract, decimal.sign
local absolute, compare = decimal.absolute, decimal.compare

local function pending_of(facts, state)
  return state.pending("correction." .. facts.correction)
end

local function keep(done, held, state)
  state.keep_pending(held)
  done.effects = "[" .. pending_state.json(held) .. "]"
  return done
end

-- A bust or a correction is asked for.
function M.ask(facts, state)
  local held = pending_of(facts, state)
  if held.exists then
    return outcome.new("refused", "correction_exists")
  end
  held.values = {
    kind = "correction", status = "open", action = facts.kind, execution = facts.execution,
    strategy = facts.of_strategy or "", quantity = facts.quantity or "", price = facts.price or "",
    quote_amount = facts.quote_amount or "", fees = pending_state.fees_text(facts.fees),
    keep_fees = facts.keep_fees or "0", by = facts.by, why = facts.why, trade_seq = "",
    reason = "", detail = "", sent_at = facts.executed_at, ended_at = "",
  }
  return keep(outcome.new("applied"), held, state)
end

local function is_open(held)
  return held.exists and held.values.status == "open"
end

-- What was asked for cannot be derived.
function M.fail(facts, state)
  local held = pending_of(facts, state)
  if not is_open(held) then
    return outcome.new("noted", "correction_ended")
  end
  local values = held.values
  values.status, values.ended_at = "failed", facts.executed_at
  values.reason, values.detail = facts.reason, facts.detail
  return keep(outcome.new("applied"), held, state)
end

-- new - old by token, without what did not move; nil when nothing did.
local function difference_of(new, old)
  local moved = token_amounts.copy(new)
  for index = 1, #old, 2 do
    token_amounts.add(moved, old[index], decimal.negate(old[index + 1]))
  end
  local kept = token_amounts.new()
  for index = 1, #moved, 2 do
    if sign(moved[index + 1]) ~= 0 then
      token_amounts.add(kept, moved[index], moved[index + 1])
    end
  end
  return not token_amounts.is_empty(kept) and kept or nil
end

-- What a restatement moves totals by: the position's new figures less the old ones.
local function contribute(facts, old, new)
  local record = outcome.contribution(facts, facts.strategy, facts)
  local quantity = subtract(new.quantity, old.quantity)
  local notional = subtract(subtract(new.cost, new.realized), subtract(old.cost, old.realized))
  local has_leg = sign(quantity) ~= 0 or sign(notional) ~= 0
  if has_leg then
    record.quantity, record.notional = quantity, notional
  end
  record.trade = new.trades ~= old.trades and new.trades - old.trades or nil
  record.volume = facts.volume and decimal.parse(facts.volume)
  record.realized_pnl = subtract(new.realized, old.realized)
  record.carry = subtract(decimal.parse(new.carry), decimal.parse(old.carry))
  record.transfer_cost =
    subtract(decimal.parse(new.transfer_cost), decimal.parse(old.transfer_cost))
  record.fees, record.fee_value = difference_of(new.fees, old.fees), subtract(new.fee_value, old.fee_value)
  record.fees_unvalued = difference_of(new.unvalued, old.unvalued)
  record.trips = next(facts.trips) and facts.trips or nil
  return record, has_leg
end

-- The order without or with other than what the trade had applied. Applied stays the larger of what
-- fills add up to and results cover, so that later reports meet a whole order. Returns the change of
-- the count of filled orders, nil for none.
local function restate_order(order, facts)
  local told = facts.order_moves
  order.quantity = add(order.quantity, decimal.parse(told.quantity))
  order.notional = add(order.notional, decimal.parse(told.notional))
  order.fill_quantity = add(order.fill_quantity, decimal.parse(told.quantity))
  for token, amount in pairs(told.fees) do
    token_amounts.add(order.fees, token, decimal.parse(amount))
  end
  local size = absolute(order.quantity)
  if sign(order.result_quantity) ~= 0 and (compare(absolute(order.result_quantity), size) > 0
      or compare(absolute(order.fill_quantity), size) < 0) then
    order.result_quantity = order.quantity
  end
  if sign(order.quantity) == 0 and order.filled_at ~= "" then
    order.filled_at = ""
    return { filled = "-1" }
  end
  return nil
end

-- Sets position, balances and order to what was derived, if the position is still the one it was
-- derived from.
function M.restate(facts, state)
  local held = pending_of(facts, state)
  if not is_open(held) then
    return outcome.new("declined", "correction_ended")
  end
  local present = state.peek(facts.strategy, facts.instrument, facts)
  if (present.seq or present.stamp) ~= facts.position_seq then
    return outcome.new("declined", "position_moved")
  end
  local order = facts.order and state.order(facts.order)
  if order and not order.exists then
    return outcome.new("declined", "unknown_order")
  end
  local done, terms = outcome.new("applied"), outcome.terms(facts, facts.strategy)
  present = state.position(facts.strategy, facts.instrument, facts)
  local change, old = position.set(present, facts.position, terms, facts.executed_at)
  local changes = { change }
  for index = 1, #facts.moves do
    local location, chain_id, token, amount = unpack(facts.moves[index])
    outcome.settle(state, location, chain_id, { token, decimal.parse(amount) }, changes)
  end
  local record, has_leg = contribute(facts, old, present)
  if has_leg then
    done.legs = '[["' .. decimal.text(record.quantity) .. '","' .. decimal.text(record.notional)
      .. '","' .. facts.strategy .. ":" .. facts.instrument .. '"]]'
  end
  if order then
    record.orders = restate_order(order, facts)
    order.news_at = facts.executed_at
    done.order, done.order_changed = order_state.render(order), order
  end
  held.values.status, held.values.ended_at = "restated", facts.executed_at
  held.values.strategy, held.values.trade_seq = facts.strategy, facts.trade_seq
  done.touched = { facts.strategy }
  return outcome.finish(keep(done, held, state), changes, { record })
end

return M
