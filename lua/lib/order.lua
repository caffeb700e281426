-- What an order has already put into the books, so that a fill and a cumulative result that tell of
-- the same execution count once. Applied quantity is the larger of what the fills add up to and
-- what the largest result covers.

local decimal = require("decimal")
local leg = require("leg")
local reservations = require("reservations")
local token_amounts = require("token_amounts")

local M = {}

local add, subtract, sign, absolute = decimal.add, decimal.subtract, decimal.sign, decimal.absolute
local compare, text = decimal.compare, decimal.text

M.fields = {
  "strategy", "instrument", "status", "quantity", "notional", "fees", "fill_quantity",
  "result_quantity", "result_fees", "filled_at", "reservations",
}

M.final = { filled = true, cancelled = true, rejected = true, expired = true }

-- values: the hash fields in the order of M.fields, or an empty list when the order is unknown.
function M.parse(key, values)
  if not values[1] then
    return {
      key = key, exists = false, strategy = "", instrument = "", status = "", quantity = decimal.zero,
      notional = decimal.zero, fees = token_amounts.new(), fill_quantity = decimal.zero,
      result_quantity = decimal.zero, result_fees = "0", filled_at = "",
      reservations = nil,
    }
  end
  return {
    key = key, exists = true, strategy = values[1], instrument = values[2], status = values[3],
    quantity = decimal.parse(values[4]), notional = decimal.parse(values[5]),
    fees = token_amounts.parse(values[6]), fill_quantity = decimal.parse(values[7]),
    result_quantity = decimal.parse(values[8]), result_fees = values[9], filled_at = values[10],
    reservations = reservations.parse(values[11]),
  }
end

-- Renders the state once: the fields and values HSET takes, and the JSON, which is returned.
function M.render(self)
  local quantity, notional = text(self.quantity), text(self.notional)
  local fees = token_amounts.text(self.fees)
  local fill_quantity, result_quantity = text(self.fill_quantity), text(self.result_quantity)
  local reserved = reservations.text(self.reservations)
  self.hash = {
    "strategy", self.strategy, "instrument", self.instrument, "status", self.status,
    "quantity", quantity, "notional", notional, "fees", fees, "fill_quantity", fill_quantity,
    "result_quantity", result_quantity, "result_fees", self.result_fees,
    "filled_at", self.filled_at, "reservations", reserved,
  }
  return '{"key":"' .. self.key .. '","strategy":"' .. self.strategy .. '","instrument":"'
    .. self.instrument .. '","status":"' .. self.status .. '","quantity":"' .. quantity
    .. '","notional":"' .. notional .. '","fees":' .. fees
    .. ',"fill_quantity":"' .. fill_quantity .. '","result_quantity":"' .. result_quantity
    .. '","result_fees":"' .. self.result_fees .. '","filled_at":"' .. self.filled_at
    .. '","reservations":' .. reserved .. "}"
end

-- A final status stays; late executions still count, but change no status.
function M.set_status(self, status)
  if not M.final[self.status] then
    self.status = status
  end
end

-- A cumulative result says how the order stands; only "partial" cannot reopen what has ended.
function M.set_result(self, result)
  if result ~= "partial" or not M.final[self.status] then
    self.status = result
  end
end

-- One fee a token: what a report states twice for a token counts as its sum.
local function summed(fees)
  if #fees < 2 then
    return fees
  end
  local sums, place = {}, {}
  for index = 1, #fees do
    local token = fees[index][1]
    local at = place[token]
    if at then
      sums[at][2] = add(sums[at][2], fees[index][2])
    else
      place[token] = #sums + 1
      sums[#sums + 1] = { token, fees[index][2], fees[index][3] }
    end
  end
  return sums
end

local function larger(left, right)
  return compare(left, right) >= 0 and left or right
end

-- An identified fill: the part of it no result has covered yet.
-- Returns quantity, notional, fees {{token, amount, class}} still to apply.
function M.take_fill(self, quantity, notional, fees)
  self.fill_quantity = add(self.fill_quantity, quantity)
  if sign(self.result_quantity) == 0 then
    return quantity, notional, fees
  end
  local before, size = absolute(self.quantity), absolute(quantity)
  local after = larger(absolute(self.fill_quantity), absolute(self.result_quantity))
  local new = subtract(after, before)
  if compare(new, size) >= 0 then
    return quantity, notional, fees
  end
  local has_new = sign(new) > 0
  local remaining = fees
  if self.result_fees == "1" then
    remaining = {}
    if has_new then
      for index = 1, #fees do
        local part = leg.share(fees[index][2], new, size)
        if sign(part) ~= 0 then
          remaining[#remaining + 1] = { fees[index][1], part, fees[index][3] }
        end
      end
    end
  end
  if not has_new then
    return decimal.zero, decimal.zero, remaining
  end
  return sign(quantity) < 0 and decimal.negate(new) or new, leg.share(notional, new, size), remaining
end

-- A cumulative result: the difference to what is applied. fees is nil when the result states none.
function M.take_result(self, quantity, notional, fees)
  local change = subtract(quantity, self.quantity)
  local difference = {}
  if fees then
    self.result_fees = "1"
    fees = summed(fees)
    for index = 1, #fees do
      local token = fees[index][1]
      local amount = subtract(fees[index][2], token_amounts.get(self.fees, token))
      if sign(amount) ~= 0 then
        difference[#difference + 1] = { token, amount, fees[index][3] }
      end
    end
  end
  self.result_quantity = quantity
  if sign(change) == 0 then
    return decimal.zero, decimal.zero, difference
  end
  return change, subtract(notional, self.notional), difference
end

function M.add_fees(self, fees)
  for index = 1, #fees do
    token_amounts.add(self.fees, fees[index][1], fees[index][2])
  end
end

-- Records what was applied in the end; whether it is the order's first quantity.
function M.record(self, quantity, notional, fees, at)
  local first = self.filled_at == "" and sign(quantity) ~= 0
  if first then
    self.filled_at = at
  end
  self.quantity = add(self.quantity, quantity)
  self.notional = add(self.notional, notional)
  M.add_fees(self, fees)
  return first
end

return M
