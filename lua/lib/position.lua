-- One strategy's position in one instrument: what an execution does to it, and its text.
-- A change is an old and a new state; crossing zero inside one event is two changes, closed and
-- then opened, with the fees shared between the trip that ended and the one that began.

local decimal = require("decimal")
local leg = require("leg")
local token_amounts = require("token_amounts")

local M = {}

local add, subtract, sign, text = decimal.add, decimal.subtract, decimal.sign, decimal.text

M.fields = {
  "quantity", "cost", "avg_cost_basis", "realized_pnl", "fees_paid", "fee_value", "fees_unvalued",
  "carry", "transfer_cost", "total_trades", "first_trade_time", "last_update_time",
  "trip_realized_pnl", "trip_fee_value", "trip_carry",
}

local function json(quantity, cost, average, realized, fees, value, unvalued, carry, transfer_cost,
    trades, first, last, trip_realized, trip_value, trip_carry)
  return '{"quantity":"' .. quantity .. '","cost":"' .. cost .. '","avg_cost_basis":'
    .. (average == "" and "null" or '"' .. average .. '"')
    .. ',"realized_pnl":"' .. realized .. '","fees_paid":' .. fees .. ',"fee_value":"' .. value
    .. '","fees_unvalued":' .. unvalued .. ',"carry":"' .. carry
    .. '","transfer_cost":"' .. transfer_cost .. '","total_trades":"' .. trades
    .. '","first_trade_time":"' .. first .. '","last_update_time":"' .. last
    .. '","trip_realized_pnl":"' .. trip_realized .. '","trip_fee_value":"' .. trip_value
    .. '","trip_carry":"' .. trip_carry .. '"}'
end

-- values: the hash fields in the order of M.fields, or an empty list when the key does not exist.
-- carry, transfer_cost and trip_carry, which no execution moves, stay text.
function M.parse(values)
  if not values[1] then
    return {
      quantity = decimal.zero, cost = decimal.zero, realized = decimal.zero,
      fees = token_amounts.new(), fee_value = decimal.zero, unvalued = token_amounts.new(),
      carry = "0", transfer_cost = "0", trades = 0, first = "0", last = "0",
      trip_realized = decimal.zero, trip_fee_value = decimal.zero, trip_carry = "0", json = "null",
    }
  end
  return {
    quantity = decimal.parse(values[1]), cost = decimal.parse(values[2]),
    realized = decimal.parse(values[4]), fees = token_amounts.parse(values[5]),
    fee_value = decimal.parse(values[6]), unvalued = token_amounts.parse(values[7]),
    carry = values[8], transfer_cost = values[9],
    trades = tonumber(values[10]), first = values[11], last = values[12],
    trip_realized = decimal.parse(values[13]), trip_fee_value = decimal.parse(values[14]),
    trip_carry = values[15], exists = true, json = json(unpack(values, 1, 15)),
  }
end

-- Average price: cost / (quantity * multiplier), inverse -quantity * multiplier / cost; "" when flat.
local function average(self, terms)
  if sign(self.quantity) == 0 then
    return ""
  end
  local size = self.quantity
  if not terms.multiplier_is_one then
    size = decimal.multiply(size, terms.multiplier)
  end
  if terms.inverse then
    if sign(self.cost) == 0 then
      return ""
    end
    return text(decimal.negate(decimal.divide(size, self.cost, 18)))
  end
  return text(decimal.divide(self.cost, size, 18))
end

-- Renders the state once: the JSON, and the same texts as the fields and values HSET takes.
local function render(self, terms)
  local quantity, cost, average_text = text(self.quantity), text(self.cost), average(self, terms)
  local realized, fees = text(self.realized), token_amounts.text(self.fees)
  local value, unvalued = text(self.fee_value), token_amounts.text(self.unvalued)
  local trades = string.format("%d", self.trades)
  local trip_realized, trip_value = text(self.trip_realized), text(self.trip_fee_value)
  self.hash = {
    "quantity", quantity, "cost", cost, "avg_cost_basis", average_text,
    "realized_pnl", realized, "fees_paid", fees, "fee_value", value, "fees_unvalued", unvalued,
    "carry", self.carry, "transfer_cost", self.transfer_cost, "total_trades", trades,
    "first_trade_time", self.first, "last_update_time", self.last,
    "trip_realized_pnl", trip_realized, "trip_fee_value", trip_value,
    "trip_carry", self.trip_carry,
  }
  self.json = json(quantity, cost, average_text, realized, fees, value, unvalued, self.carry,
    self.transfer_cost, trades, self.first, self.last, trip_realized, trip_value, self.trip_carry)
end

-- The figures of the state, without what it renders to.
local function copy(self)
  return {
    quantity = self.quantity, cost = self.cost, realized = self.realized,
    fees = token_amounts.copy(self.fees), fee_value = self.fee_value,
    unvalued = token_amounts.copy(self.unvalued),
    carry = self.carry, transfer_cost = self.transfer_cost, trades = self.trades,
    first = self.first, last = self.last, trip_realized = self.trip_realized,
    trip_fee_value = self.trip_fee_value, trip_carry = self.trip_carry,
  }
end

local function take_fee(self, token, amount, value)
  token_amounts.add(self.fees, token, amount)
  if value then
    self.fee_value = add(self.fee_value, value)
    self.trip_fee_value = add(self.trip_fee_value, value)
  else
    token_amounts.add(self.unvalued, token, amount)
  end
end

-- Value of a fee in the settlement token: itself, or at the execution's own price when it was paid
-- in the base token; otherwise nil, unknown, until a price is known.
local function fee_value(token, amount, price, terms)
  if token == terms.settlement then
    return amount
  end
  if token == terms.base and price and not terms.inverse then
    return decimal.multiply(amount, price)
  end
  return nil
end

local function change(kind, terms, old, new)
  return '{"type":"' .. kind .. '","strategy_id":"' .. terms.strategy .. '","instrument":"'
    .. terms.instrument .. '","old":' .. old .. ',"new":' .. new .. "}"
end

local function kind_of(old_sign, new_sign)
  if old_sign == 0 and new_sign ~= 0 then
    return "position_opened"
  elseif old_sign ~= 0 and new_sign == 0 then
    return "position_closed"
  end
  return "position_modified"
end

local function is_closed(quantity, terms)
  local is_flat = sign(quantity) == 0
  if is_flat or terms.dust == decimal.zero then
    return is_flat
  end
  return decimal.compare(decimal.absolute(quantity), terms.dust) <= 0
end

-- Main leg, and for a spot instrument one for each trading fee in the base token, at the execution's
-- own price: {quantity, notional, quantity, notional, ...}.
local function legs_of(execution, has_main, terms)
  local legs = has_main and { execution.quantity, execution.notional } or {}
  local fees, price = execution.fees, execution.price
  if terms.spot and price then
    for index = 1, #fees do
      local fee = fees[index]
      if fee[1] == terms.base and fee[3] == "trading" then
        local count, paid = #legs, decimal.negate(fee[2])
        legs[count + 1], legs[count + 2] = paid, decimal.multiply(paid, price)
      end
    end
  end
  return legs
end

-- Folds the legs in order. Returns the P&L realized until zero was reached (all, if it was not), what
-- was realized after that, which leg reached it, counted by its place in the list, and what it closed.
local function fold_legs(self, legs)
  local to_zero, after = decimal.zero, decimal.zero
  local reached_at, share
  for index = 1, #legs, 2 do
    local realized, reached, closed = leg.fold(self, legs[index], legs[index + 1])
    if reached_at then
      after = add(after, realized)
    else
      to_zero = add(to_zero, realized)
      if reached then
        reached_at, share = index, closed
      end
    end
  end
  return to_zero, after, reached_at, share
end

-- Gives `closed` its part of a fee, and books that part in the lifetime figures of the new state,
-- which hold both shares while its trip holds only the rest. Returns the rest and its value.
local function split_fee(self, closed, token, amount, value, part, part_value)
  if sign(part) ~= 0 then
    take_fee(closed, token, part, part_value)
    token_amounts.add(self.fees, token, part)
    if part_value then
      self.fee_value = add(self.fee_value, part_value)
    else
      token_amounts.add(self.unvalued, token, part)
    end
  end
  return subtract(amount, part), value and subtract(value, part_value)
end

-- Begins a trip in the state after zero was crossed. Returns the state as it was at zero.
local function flip(self, realized_to_zero, realized_after, at)
  local closed = copy(self)
  closed.quantity, closed.cost = decimal.zero, decimal.zero
  closed.realized = add(self.realized, realized_to_zero)
  closed.trip_realized = add(self.trip_realized, realized_to_zero)
  self.first = at
  self.trip_realized, self.trip_fee_value, self.trip_carry = realized_after, decimal.zero, "0"
  return closed
end

-- How the trip of a state ended that has just been closed.
local function trip_outcome(self)
  if not token_amounts.is_empty(self.unvalued) then
    return "unknown"
  end
  local gained = self.trip_realized
  if self.trip_carry ~= "0" then
    gained = add(gained, decimal.parse(self.trip_carry))
  end
  return decimal.compare(gained, self.trip_fee_value) > 0 and "won" or "lost"
end

-- Books what an event realized without crossing zero: the trip goes on, or begins with it.
local function go_on(self, was_open, realized, at)
  if was_open then
    self.trip_realized = add(self.trip_realized, realized)
  else
    self.first = at
    self.trip_realized, self.trip_fee_value, self.trip_carry = realized, decimal.zero, "0"
  end
end

local function add_text(left, right)
  return text(add(decimal.parse(left), right))
end

-- Applies one event. execution: quantity and notional of the main leg (quantity zero: fees only),
-- fees {{token, amount, class}}, price (effective, nil when unknown), at (executed_at), counts (is it a
-- trade). terms: strategy, instrument, base, settlement, multiplier, inverse, dust, spot.
-- Returns {legs, changes, realized, fee_value, unvalued (nil: none), trip}; self becomes the new state.
function M.apply(self, execution, terms)
  local fees, price = execution.fees, execution.price
  local has_main = sign(execution.quantity) ~= 0
  local legs = legs_of(execution, has_main, terms)
  local old_json, old_sign = self.json, sign(self.quantity)
  local was_open = old_sign ~= 0 and not is_closed(self.quantity, terms)
  local realized_to_zero, realized_after, reached_at, share = fold_legs(self, legs)
  local realized = add(realized_to_zero, realized_after)
  local new_sign = sign(self.quantity)

  self.last = execution.at
  if execution.counts then
    self.trades = self.trades + 1
  end
  local closed
  if reached_at and old_sign ~= 0 and new_sign ~= 0 then
    closed = flip(self, realized_to_zero, realized_after, execution.at)
  else
    go_on(self, was_open, realized, execution.at)
  end
  self.realized = add(self.realized, realized)

  local value_sum, unvalued = decimal.zero, nil
  for index = 1, #fees do
    local token, amount = fees[index][1], fees[index][2]
    local value = fee_value(token, amount, price, terms)
    if value then
      value_sum = add(value_sum, value)
    else
      unvalued = unvalued or token_amounts.new()
      token_amounts.add(unvalued, token, amount)
    end
    if closed then
      local part = amount
      if has_main and reached_at == 1 then
        part = leg.share(amount, share, decimal.absolute(execution.quantity))
      end
      local part_value = value and fee_value(token, part, price, terms)
      amount, value = split_fee(self, closed, token, amount, value, part, part_value)
    end
    if not closed or sign(amount) ~= 0 then
      take_fee(self, token, amount, value)
    end
  end

  render(self, terms)
  local changes, trip
  if closed then
    render(closed, terms)
    changes = change("position_closed", terms, old_json, closed.json) .. ","
      .. change("position_opened", terms, closed.json, self.json)
  else
    changes = change(kind_of(old_sign, new_sign), terms, old_json, self.json)
  end
  if was_open and (closed or is_closed(self.quantity, terms)) then
    trip = trip_outcome(closed or self)
  end
  return { legs = legs, changes = changes, realized = realized, fee_value = value_sum,
    unvalued = unvalued, trip = trip }
end

-- Books income and costs that come without a leg: carry (funding, dividends) and what a transfer of
-- the asset cost; either may be nil. Returns the change record.
function M.earn(self, carry, transfer_cost, terms, at)
  local old_json, old_sign = self.json, sign(self.quantity)
  self.last = at
  go_on(self, old_sign ~= 0 and not is_closed(self.quantity, terms), decimal.zero, at)
  if carry then
    self.carry = add_text(self.carry, carry)
    self.trip_carry = add_text(self.trip_carry, carry)
  end
  if transfer_cost then
    self.transfer_cost = add_text(self.transfer_cost, transfer_cost)
    self.trip_carry = add_text(self.trip_carry, decimal.negate(transfer_cost))
  end
  render(self, terms)
  return change(kind_of(old_sign, old_sign), terms, old_json, self.json)
end

-- Gives a fee in another token its value, once a price is known; the trip it was paid in gets it
-- only while it is the current one. Returns the change record, nil when no such fee is unvalued.
function M.value_fee(self, token, amount, value, of_this_trip, terms, at)
  if not token_amounts.has(self.unvalued, token) then
    return nil
  end
  local old_json, held_sign = self.json, sign(self.quantity)
  self.last = at
  token_amounts.add(self.unvalued, token, decimal.negate(amount))
  token_amounts.drop_zero(self.unvalued, token)
  self.fee_value = add(self.fee_value, value)
  if of_this_trip then
    self.trip_fee_value = add(self.trip_fee_value, value)
  end
  render(self, terms)
  return change(kind_of(held_sign, held_sign), terms, old_json, self.json)
end

-- Sets every figure to what was derived anew. told: the fields as text, amounts by token as tables.
-- Returns the change record and the figures that were.
function M.set(self, told, terms, at)
  local old, old_json = copy(self), self.json
  self.quantity, self.cost = decimal.parse(told.quantity), decimal.parse(told.cost)
  self.realized = decimal.parse(told.realized_pnl)
  self.fees = token_amounts.from_table(told.fees_paid)
  self.unvalued = token_amounts.from_table(told.fees_unvalued)
  self.fee_value = decimal.parse(told.fee_value)
  self.carry, self.transfer_cost = told.carry, told.transfer_cost
  self.trades, self.first, self.last = tonumber(told.total_trades), told.first_trade_time, at
  self.trip_realized = decimal.parse(told.trip_realized_pnl)
  self.trip_fee_value = decimal.parse(told.trip_fee_value)
  self.trip_carry = told.trip_carry
  render(self, terms)
  return change(kind_of(sign(old.quantity), sign(self.quantity)), terms, old_json, self.json), old
end

-- Changes quantity and cost other than by a leg, and books what that realized: a split (the cost
-- stays but for the share of a fraction that was paid out) or a daily settlement (the cost becomes
-- what the position is worth). Returns the change record and how its trip ended, if it did.
function M.restate(self, quantity, cost, realized, terms, at)
  local old_json, old_sign = self.json, sign(self.quantity)
  local was_open = old_sign ~= 0 and not is_closed(self.quantity, terms)
  self.last = at
  self.quantity, self.cost = quantity, cost
  self.realized = add(self.realized, realized)
  go_on(self, was_open, realized, at)
  render(self, terms)
  local trip = was_open and is_closed(quantity, terms) and trip_outcome(self) or nil
  return change(kind_of(old_sign, sign(quantity)), terms, old_json, self.json), trip
end

return M
