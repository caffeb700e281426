-- What an event moves at one location, summed per token in the order the tokens first appear: a
-- flat list {token, amount, token, amount, ...} of the few tokens one event can touch.

local decimal = require("decimal")

local M = {}

function M.new()
  return {}
end

function M.of(token, amount)
  return { token, amount }
end

-- One token for another; a token traded for itself moves by the difference.
function M.trade(base, quantity, quote, notional)
  local moves = { base, quantity, quote, decimal.negate(notional) }
  if base == quote then
    return { base, decimal.add(quantity, moves[4]) }
  end
  return moves
end

function M.add(self, token, amount)
  local count = #self
  for index = 1, count, 2 do
    if self[index] == token then
      self[index + 1] = decimal.add(self[index + 1], amount)
      return
    end
  end
  self[count + 1], self[count + 2] = token, amount
end

function M.pay_fees(self, fees)
  for index = 1, #fees do
    M.add(self, fees[index][1], decimal.negate(fees[index][2]))
  end
end

return M
