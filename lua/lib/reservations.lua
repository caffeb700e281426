-- What an order has set aside of balances, and how much of it is still needed. One record for each
-- location and token: {key, location, token, whole, left, quantity, leaves, chain_id}, where `whole`
-- was left at the last reserve, when `leaves` of the order's quantity were open (both nil when the
-- order's quantity is not known). A list sorted by key; nil stands for none.

local decimal = require("decimal")
local leg = require("leg")

local M = {}

local text, sign, compare, subtract = decimal.text, decimal.sign, decimal.compare, decimal.subtract

local RECORD = '"([^":]*):([^":]*)":%["([^"]*)","([^"]*)","([^"]*)","([^"]*)","([^"]*)"%]'

function M.parse(json)
  if not json or json == "{}" or json == "" then
    return nil
  end
  local self = {}
  for location, token, whole, left, quantity, leaves, chain_id in string.gmatch(json, RECORD) do
    self[#self + 1] = {
      key = location .. ":" .. token, location = location, token = token,
      whole = decimal.parse(whole), left = decimal.parse(left), chain_id = chain_id,
      quantity = quantity ~= "" and decimal.parse(quantity) or nil,
      leaves = leaves ~= "" and decimal.parse(leaves) or nil,
    }
  end
  return self
end

function M.text(self)
  if not self or #self == 0 then
    return "{}"
  end
  local parts = {}
  for index = 1, #self do
    local record = self[index]
    parts[index] = '"' .. record.key .. '":["' .. text(record.whole) .. '","' .. text(record.left)
      .. '","' .. (record.quantity and text(record.quantity) or "")
      .. '","' .. (record.leaves and text(record.leaves) or "")
      .. '","' .. record.chain_id .. '"]'
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

function M.find(self, key)
  for index = 1, self and #self or 0 do
    if self[index].key == key then
      return self[index]
    end
  end
  return nil
end

-- Adds an amount to a reservation, making it if needed. Returns the list.
-- quantity: of the order, nil when not told; filled: what of it is executed (not negative).
function M.add(self, location, token, chain_id, amount, quantity, filled)
  self = self or {}
  local record = M.find(self, location .. ":" .. token)
  if not record then
    record = { key = location .. ":" .. token, location = location, token = token,
      left = decimal.zero }
    self[#self + 1] = record
    table.sort(self, function(one, other) return one.key < other.key end)
  end
  record.left = decimal.add(record.left, amount)
  record.whole, record.chain_id = record.left, chain_id
  record.quantity = quantity or record.quantity
  record.leaves = record.quantity and subtract(record.quantity, filled)
  return self
end

local function without_empty(self)
  local kept = {}
  for index = 1, #self do
    if sign(self[index].left) ~= 0 then
      kept[#kept + 1] = self[index]
    end
  end
  return #kept > 0 and kept or nil
end

-- What is still needed of a reservation after an execution. spent: what left its balance.
local function needed(record, filled, spent)
  if not record.quantity then
    local left = sign(spent) > 0 and subtract(record.left, spent) or record.left
    return sign(left) > 0 and left or decimal.zero
  end
  local leaves = subtract(record.quantity, filled)
  if sign(leaves) <= 0 then
    return decimal.zero
  end
  local whole = record.whole
  if compare(leaves, record.leaves) < 0 then
    whole = leg.share(whole, leaves, record.leaves)
  end
  return compare(whole, record.left) < 0 and whole or record.left
end

-- Takes an execution into account: filled is the order's applied quantity (not negative), moves the
-- flat list of what it moved at `location`. Returns what remains (nil: none) and what is released,
-- a list of {key, location, token, chain_id, amount}.
function M.consume(self, filled, location, moves)
  local released = {}
  for index = 1, #self do
    local record = self[index]
    local spent = decimal.zero
    for place = 1, record.location == location and #moves or 0, 2 do
      if moves[place] == record.token then
        spent = decimal.negate(moves[place + 1])
      end
    end
    local left = needed(record, filled, spent)
    local given = subtract(record.left, left)
    if sign(given) ~= 0 then
      released[#released + 1] = { key = record.key, location = record.location,
        token = record.token, chain_id = record.chain_id, amount = given }
      record.left = left
    end
  end
  return without_empty(self), released
end

-- Gives everything back: the order has ended. Returns the same two as `consume`.
function M.close(self)
  local released = {}
  for index = 1, #self do
    local record = self[index]
    released[index] = { key = record.key, location = record.location, token = record.token,
      chain_id = record.chain_id, amount = record.left }
  end
  return nil, released
end

-- Gives back at most `amount` (nil: all) of one reservation. Returns what remains of the list and
-- what was given.
function M.release(self, record, amount)
  local given = record.left
  if amount and compare(amount, given) < 0 then
    given = amount
  end
  record.left = subtract(record.left, given)
  return without_empty(self), given
end

return M
