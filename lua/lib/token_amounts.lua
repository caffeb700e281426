-- Amounts by token: {"BNB":"0.001","USDT":"3.25"}. Kept sorted by token, so that equal contents
-- are equal text; an amount that returns to zero stays, as "0".
--
-- Inside, one flat list {token, amount, token, amount, ...}: nearly always a token or two, for
-- which a list is built, searched and rendered several times faster than a map.

local decimal = require("decimal")

local M = {}

function M.new()
  return { nil, nil } -- has room for the first token: a list that grows is paid for twice
end

-- The amounts of a single token.
function M.of(token, amount)
  return { token, amount }
end

-- Reads the text this module writes. Ids hold no quotes or escapes, so a pattern is enough.
function M.parse(json)
  local self = {}
  if json and json ~= "{}" then
    local place = 1
    for token, amount in string.gmatch(json, '"([^"]*)":"([^"]*)"') do
      self[place], self[place + 1] = token, decimal.parse(amount)
      place = place + 2
    end
  end
  return self
end

-- Where the token stands or belongs, and whether it is there.
local function find(self, token)
  if self[1] == token then
    return 1, true
  end
  local low, high = 1, #self / 2 + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if self[2 * middle - 1] < token then
      low = middle + 1
    else
      high = middle
    end
  end
  return 2 * low - 1, self[2 * low - 1] == token
end

local function insert(self, place, token, amount)
  for index = #self, place, -1 do
    self[index + 2] = self[index]
  end
  self[place], self[place + 1] = token, amount
end

function M.get(self, token)
  local place, is_present = find(self, token)
  return is_present and self[place + 1] or decimal.zero
end

function M.has(self, token)
  local _, is_present = find(self, token)
  return is_present
end

-- Takes a token away whose amount has returned to zero.
function M.drop_zero(self, token)
  local place, is_present = find(self, token)
  if is_present and decimal.sign(self[place + 1]) == 0 then
    table.remove(self, place)
    table.remove(self, place)
  end
end

function M.set(self, token, amount)
  local place, is_present = find(self, token)
  if is_present then
    self[place + 1] = amount
  else
    insert(self, place, token, amount)
  end
end

-- From a table of texts by token: decoded JSON, whose order is any.
function M.from_table(told)
  local self = M.new()
  for token, amount in pairs(told) do
    M.set(self, token, decimal.parse(amount))
  end
  return self
end

function M.add(self, token, amount)
  if self[1] == token then
    self[2] = decimal.add(self[2], amount)
    return
  end
  local place, is_present = find(self, token)
  if is_present then
    self[place + 1] = decimal.add(self[place + 1], amount)
  else
    insert(self, place, token, amount)
  end
end

function M.add_all(self, other)
  for index = 1, #other, 2 do
    M.add(self, other[index], other[index + 1])
  end
end

function M.is_empty(self)
  return self[1] == nil
end

function M.copy(self)
  local copied = {}
  for index = 1, #self do
    copied[index] = self[index]
  end
  return copied
end

function M.text(self)
  local token = self[1]
  if not token then
    return "{}"
  end
  local text = '{"' .. token .. '":"' .. decimal.text(self[2])
  for index = 3, #self, 2 do
    text = text .. '","' .. self[index] .. '":"' .. decimal.text(self[index + 1])
  end
  return text .. '"}'
end

return M
