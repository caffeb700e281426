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

-- Settles an amount (negative: out). Returns the change record.
function M.settle(self, amount)
  local old = self.json
  self.total = decimal.add(self.total, amount)
  local total = decimal.text(self.total)
  local available, reserved = total, "0"
  if decimal.sign(self.reserved) == 0 then
    self.available = self.total
  else
    self.available = decimal.add(self.available, amount)
    available, reserved = decimal.text(self.available), decimal.text(self.reserved)
  end
  self.hash = { "available", available, "reserved", reserved, "total", total }
  self.json = json(available, reserved, total)
  return '{"type":"balance_changed","location":"' .. self.location
    .. '","chain_id":"' .. self.chain_id .. '","token":"' .. self.token
    .. '","old":' .. old .. ',"new":' .. self.json .. "}"
end

return M
