-- One token at one location. total = available + reserved, always; below zero is a fact (borrowed,
-- or a deposit nobody told of), never refused and never clamped.

local decimal = require("decimal")

local M = {}

M.fields = { "available", "reserved", "total" }

local function json(available, reserved, total)
  return '{"available":"' .. available .. '","reserved":"' .. reserved
    .. '","total":"' .. total .. '"}'
end

function M.parse(location, chain_id, token, values)
  if not values[1] then
    return {
      location = location, chain_id = chain_id, token = token,
      available = decimal.zero, reserved = decimal.zero, total = decimal.zero, json = "null",
    }
  end
  return {
    location = location, chain_id = chain_id, token = token, exists = true,
    available = decimal.parse(values[1]), reserved = decimal.parse(values[2]),
    total = decimal.parse(values[3]),
    json = json(values[1], values[2], values[3]),
  }
end

-- Renders the state once: the fields and values HSET takes, and the JSON. Returns the change record.
local function changed(self, available, reserved, total)
  local old = self.json
  self.hash = { "available", available, "reserved", reserved, "total", total }
  self.json = json(available, reserved, total)
  return '{"type":"balance_changed","location":"' .. self.location
    .. '","chain_id":"' .. self.chain_id .. '","token":"' .. self.token
    .. '","old":' .. old .. ',"new":' .. self.json .. "}"
end

-- Settles an amount (negative: out), and gives back what an order no longer needs to reserve
-- (`released`, may be nil). Returns the change record.
function M.settle(self, amount, released)
  self.total = decimal.add(self.total, amount)
  local total = decimal.text(self.total)
  if decimal.sign(self.reserved) == 0 then
    self.available = self.total
    return changed(self, total, "0", total)
  end
  if released then
    self.reserved = decimal.subtract(self.reserved, released)
  end
  self.available = decimal.subtract(self.total, self.reserved)
  return changed(self, decimal.text(self.available), decimal.text(self.reserved), total)
end

-- Reserves an amount (negative: gives it back). Returns the change record.
function M.reserve(self, amount)
  self.reserved = decimal.add(self.reserved, amount)
  self.available = decimal.subtract(self.available, amount)
  return changed(self, decimal.text(self.available), decimal.text(self.reserved),
    decimal.text(self.total))
end

return M
