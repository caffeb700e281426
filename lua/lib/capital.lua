-- What is set aside of a balance, and whose capital it is: reserve, release, allocation.

local balance = require("balance")
local decimal = require("decimal")
local order_state = require("order")
local outcome = require("outcome")
local reservations = require("reservations")
local token_amounts = require("token_amounts")

local M = {}

local sign, text, absolute = decimal.sign, decimal.text, decimal.absolute

local function held_balance(facts, state)
  return state.balance(facts.location, facts.chain_id or "0", facts.token)
end

local function keep(done, order, facts)
  order.exists = true
  done.order, done.order_changed = order_state.render(order), order
  order.news_at = facts.executed_at
end

function M.reserve(facts, state)
  local order = state.order(facts.order)
  if order.exists and facts.strategy and order.strategy ~= "" and order.strategy ~= facts.strategy then
    return outcome.new("refused", "order_mismatch")
  end
  local filled = absolute(order.quantity)
  local quantity = facts.quantity and decimal.parse(facts.quantity)
  if order_state.final[order.status]
      or (quantity and decimal.compare(quantity, filled) <= 0) then
    return outcome.new("declined", "order_ended")
  end
  local amount = decimal.parse(facts.amount)
  local held = state.peek_balance(facts.location, facts.chain_id or "0", facts.token)
  if decimal.compare(held.available, amount) < 0 then
    local done = outcome.new("declined", "insufficient_balance")
    done.effects = '[{"type":"declined","requested":"' .. text(amount) .. '","available":"'
      .. text(held.available) .. '"}]'
    return done
  end
  held = held_balance(facts, state)
  local done = outcome.new("applied")
  order.reservations = reservations.add(order.reservations, facts.location, facts.token,
    facts.chain_id or "0", amount, quantity, filled)
  if order.strategy == "" and facts.strategy then
    order.strategy = facts.strategy
  end
  keep(done, order, facts)
  return outcome.finish(done, { balance.reserve(held, amount) }, {})
end

function M.release(facts, state)
  local order = state.order(facts.order)
  local record = reservations.find(order.reservations, facts.location .. ":" .. facts.token)
  if not record then
    return outcome.new("noted", "nothing_reserved")
  end
  local given
  order.reservations, given = reservations.release(order.reservations, record,
    facts.amount and decimal.parse(facts.amount))
  local done = outcome.new("applied")
  keep(done, order, facts)
  local held = state.balance(record.location, record.chain_id, record.token)
  return outcome.finish(done, { balance.reserve(held, decimal.negate(given)) }, {})
end

function M.allocation(facts)
  local record = outcome.contribution(facts, facts.strategy, nil)
  record.venue = "-"
  record.allocated = token_amounts.of(facts.token, decimal.parse(facts.amount))
  return outcome.finish(outcome.new("applied"), {}, { record })
end

-- Gives back what an order's reservations no longer need after the event. moves: what it moved at
-- its location; has_quantity: whether it executed something. Returns a list, nil for nothing.
function M.freed(order, facts, moves, has_quantity)
  if not order or not order.reservations then
    return nil
  end
  local released
  if order_state.final[order.status] then
    order.reservations, released = reservations.close(order.reservations)
  elseif has_quantity then
    order.reservations, released = reservations.consume(order.reservations,
      absolute(order.quantity), facts.location, moves)
  end
  return released and #released > 0 and released or nil
end

return M
