-- Amounts by token: {"BNB":"0.001","USDT":"3.25"}. Kept sorted by token, so that equal contents
-- are equal text; an amount that returns to zero stays, as "0".

local decimal = require("decimal")

local M = {}

function M.new()
  return { tokens = {}, amounts = {} }
end

-- Reads the text this module writes. Ids hold no quotes or escapes, so a pattern is enough.
function M.parse(json)
  local self = M.new()
  if json and json ~= "{}" then
    for token, amount in string.gmatch(json, '"([^"]*)":"([^"]*)"') do
      self.tokens[#self.tokens + 1] = token
      self.amounts[token] = decimal.parse(amount)
    end
  end
  return self
end

function M.get(self, token)
  return self.amounts[token] or decimal.zero
end

function M.set(self, token, amount)
  if not self.amounts[token] then
    local tokens = self.tokens
    local place = #tokens + 1
    while place > 1 and tokens[place - 1] > token do
      tokens[place] = tokens[place - 1]
      place = place - 1
    end
    tokens[place] = token
  end
  self.amounts[token] = amount
end

function M.set_text(self, token, text)
  M.set(self, token, decimal.parse(text))
end

function M.add(self, token, amount)
  local present = self.amounts[token]
  M.set(self, token, present and decimal.add(present, amount) or amount)
end

function M.add_all(self, other)
  for index = 1, #other.tokens do
    local token = other.tokens[index]
    M.add(self, token, other.amounts[token])
  end
end

function M.is_empty(self)
  return #self.tokens == 0
end

function M.copy(self)
  local copied = M.new()
  for index = 1, #self.tokens do
    local token = self.tokens[index]
    copied.tokens[index] = token
    copied.amounts[token] = self.amounts[token]
  end
  return copied
end

function M.text(self)
  local tokens = self.tokens
  local count = #tokens
  if count == 0 then
    return "{}"
  end
  local amounts = self.amounts
  local text = '{"' .. tokens[1] .. '":"' .. decimal.text(amounts[tokens[1]]) .. '"'
  for index = 2, count do
    text = text .. ',"' .. tokens[index] .. '":"' .. decimal.text(amounts[tokens[index]]) .. '"'
  end
  return text .. "}"
end

return M
