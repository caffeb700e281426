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
  "total_trades", "first_trade_time", "last_update_time", "trip_realized_pnl", "trip_fee_value",
}

local function json(quantity, cost, average, realized, fees, value, unvalued, trades, first, last,
    trip_realized, trip_value)
  return '{"quantity":"' .. quantity .. '","cost":"' .. cost .. '","avg_cost_basis":'
    .. (average == "" and "null" or '"' .. average .. '"')
    .. ',"realized_pnl":"' .. realized .. '","fees_paid":' .. fees .. ',"fee_value":"' .. value
    .. '","fees_unvalued":' .. unvalued .. ',"total_trades":"' .. trades
    .. '","first_trade_time":"' .. first .. '","last_update_time":"' .. last
    .. '","trip_realized_pnl":"' .. trip_realized .. '","trip_fee_value":"' .. trip_value .. '"}'
end

-- values: the hash fields in the order of M.fields, or an empty list when the key does not exist.
function M.parse(values)
  if not values[1] then
    return {
      quantity = decimal.zero, cost = decimal.zero, realized = decimal.zero,
      fees = token_amounts.new(), fee_value = decimal.zero, unvalued = token_amounts.new(),
      trades = 0, first = "0", last = "0",
      trip_realized = decimal.zero, trip_fee_value = decimal.zero, json = "null",
    }
  end
  return {
    quantity = decimal.parse(values[1]), cost = decimal.parse(values[2]),
    realized = decimal.parse(values[4]), fees = token_amounts.parse(values[5]),
    fee_value = decimal.parse(values[6]), unvalued = token_amounts.parse(values[7]),
    trades = tonumber(values[8]), first = values[9], last = values[10],
    trip_realized = decimal.parse(values[11]), trip_fee_value = decimal.parse(values[12]),
    exists = true, json = json(unpack(values, 1, 12)),
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

-- Renders the state once; hash fields and JSON share the pieces.
local function render(self, terms)
  local texts = {
    text(self.quantity), text(self.cost), average(self, terms), text(self.realized),
    token_amounts.text(self.fees), text(self.fee_value), token_amounts.text(self.unvalued),
    string.format("%d", self.trades), self.first, self.last,
    text(self.trip_realized), text(self.trip_fee_value),
  }
  self.texts = texts
  self.json = json(unpack(texts, 1, 12))
end

local function copy(self)
  return {
    quantity = self.quantity, cost = self.cost, realized = self.realized,
    fees = token_amounts.copy(self.fees), fee_value = self.fee_value,
    unvalued = token_amounts.copy(self.unvalued), trades = self.trades,
    first = self.first, last = self.last,
    trip_realized = self.trip_realized, trip_fee_value = self.trip_fee_value,
  }
end

local function take_fee(self, token, amount, value)
  token_amounts.add(self.fees, token, amount)
  if value then
    if sign(value) ~= 0 then
      self.fee_value = add(self.fee_value, value)
      self.trip_fee_value = add(self.trip_fee_value, value)
    end
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
  if sign(quantity) == 0 or terms.dust == decimal.zero then
    return sign(quantity) == 0
  end
  return decimal.compare(decimal.absolute(quantity), terms.dust) <= 0
end

-- Applies one event. execution: quantity and notional of the main leg (quantity zero: fees only),
-- fees {{token, amount, class}}, price (effective, nil when unknown), at (executed_at), counts (is it a
-- trade). terms: strategy, instrument, base, settlement, multiplier, inverse, dust, spot.
-- Returns {legs, changes, realized, fee_value, unvalued, trip}; self becomes the new state.
function M.apply(self, execution, terms)
  local main, fees, price = execution.quantity, execution.fees, execution.price
  local has_main = sign(main) ~= 0
  local legs = has_main and { { main, execution.notional } } or {}
  if terms.spot and price then
    for index = 1, #fees do
      local fee = fees[index]
      if fee[1] == terms.base and fee[3] == "trading" then
        local paid = decimal.negate(fee[2])
        legs[#legs + 1] = { paid, decimal.multiply(paid, price) }
      end
    end
  end

  local old_json, old_sign = self.json, sign(self.quantity)
  local was_open = not is_closed(self.quantity, terms)
  local realized_to_zero, realized_after = decimal.zero, decimal.zero
  local crossed, share, crossed_by_main = false, nil, false
  for index = 1, #legs do
    local realized, reached, closed = leg.fold(self, legs[index][1], legs[index][2])
    if crossed then
      realized_after = add(realized_after, realized)
    else
      realized_to_zero = add(realized_to_zero, realized)
      if reached then
        crossed, share, crossed_by_main = true, closed, has_main and index == 1
      end
    end
  end

  local result = {
    legs = legs, realized = add(realized_to_zero, realized_after),
    fee_value = decimal.zero, unvalued = token_amounts.new(),
  }
  local flipped = crossed and old_sign ~= 0 and sign(self.quantity) ~= 0
  self.last = execution.at
  if execution.counts then
    self.trades = self.trades + 1
  end
  if not was_open and not flipped then
    self.first = execution.at
    self.trip_realized, self.trip_fee_value = decimal.zero, decimal.zero
  end

  local closed
  if flipped then
    closed = copy(self)
    closed.quantity, closed.cost = decimal.zero, decimal.zero
    closed.realized = add(self.realized, realized_to_zero)
    closed.trip_realized = add(self.trip_realized, realized_to_zero)
    self.first = execution.at
    self.trip_realized, self.trip_fee_value = realized_after, decimal.zero
  else
    self.trip_realized = add(self.trip_realized, result.realized)
  end
  self.realized = add(self.realized, result.realized)

  local size = decimal.absolute(main)
  for index = 1, #fees do
    local token, amount = fees[index][1], fees[index][2]
    local value = fee_value(token, amount, price, terms)
    if value then
      result.fee_value = add(result.fee_value, value)
    else
      token_amounts.add(result.unvalued, token, amount)
    end
    if closed then
      local part = amount
      if crossed_by_main then
        part = leg.share(amount, share, size)
      end
      local part_value = value and fee_value(token, part, price, terms)
      if sign(part) ~= 0 then
        take_fee(closed, token, part, part_value)
        -- lifetime figures of the new state hold both shares, its trip only the rest
        token_amounts.add(self.fees, token, part)
        if part_value then
          self.fee_value = add(self.fee_value, part_value)
        else
          token_amounts.add(self.unvalued, token, part)
        end
      end
      amount = subtract(amount, part)
      value = value and subtract(value, part_value)
    end
    if sign(amount) ~= 0 then
      take_fee(self, token, amount, value)
    end
  end

  render(self, terms)
  local finished = self
  if closed then
    render(closed, terms)
    finished = closed
    result.changes = change("position_closed", terms, old_json, closed.json) .. ","
      .. change("position_opened", terms, closed.json, self.json)
  else
    result.changes = change(kind_of(old_sign, sign(self.quantity)), terms, old_json, self.json)
  end
  if was_open and (closed or is_closed(self.quantity, terms)) then
    if not token_amounts.is_empty(finished.unvalued) then
      result.trip = "unknown"
    else
      local net = subtract(finished.trip_realized, finished.trip_fee_value)
      result.trip = sign(net) > 0 and "won" or "lost"
    end
  end
  return result
end

return M
