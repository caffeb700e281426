-- What an event moves at one location, summed per token in the order the tokens first appear.

local decimal = require("decimal")

local M = {}

function M.new()
  return { tokens = {}, amounts = {} }
end

function M.add(self, token, amount)
  local present = self.amounts[token]
  if not present then
    self.tokens[#self.tokens + 1] = token
    self.amounts[token] = amount
  else
    self.amounts[token] = decimal.add(present, amount)
  end
end

function M.pay_fees(self, fees)
  for index = 1, #fees do
    M.add(self, fees[index][1], decimal.negate(fees[index][2]))
  end
end

return M
