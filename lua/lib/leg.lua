-- Legs: what an event adds to a position, as (signed quantity, signed notional in the settlement
-- token), and the one rule that folds them. Over all legs of a position
--   quantity = sum of quantities        cost - realized_pnl = sum of notionals
-- holds to the last digit, because whatever rounding takes from one side it gives to the other.

local decimal = require("decimal")

local M = {}

local add, subtract, negate = decimal.add, decimal.subtract, decimal.negate
local absolute, compare, sign, scale = decimal.absolute, decimal.compare, decimal.sign, decimal.scale

-- part of `whole` that belongs to `piece` out of `all`, half-even at max(18, its own scale)
-- decimals: never finer than the operand needs, so a remainder cannot change sign.
function M.share(whole, piece, all)
  if compare(piece, all) == 0 then
    return whole
  end
  local decimals = scale(whole)
  if decimals < 18 then
    decimals = 18
  end
  return decimal.multiply_divide(whole, piece, all, decimals)
end

-- Signed notional of a signed quantity. terms: multiplier, inverse.
-- Linear: quantity * price * multiplier, exact. Inverse: -quantity * multiplier / price, half-even,
-- 18 decimals. quote_amount, when given, is the notional itself and price is information only.
function M.notional(quantity, price, quote_amount, terms)
  local direction = sign(quantity)
  if quote_amount then
    if terms.inverse then
      direction = -direction
    end
    return direction < 0 and negate(quote_amount) or quote_amount
  end
  if not price then
    return decimal.zero
  end
  if terms.inverse then
    if sign(price) == 0 then
      return nil
    end
    return negate(decimal.multiply_divide(quantity, terms.multiplier, price, 18))
  end
  local notional = decimal.multiply(quantity, price)
  return terms.multiplier_is_one and notional or decimal.multiply(notional, terms.multiplier)
end

-- Folds one leg into held = {quantity, cost}. Returns the realized P&L (price P&L, no fees), whether
-- the quantity passed through or reached zero, and the closed quantity (nil when nothing closed).
function M.fold(held, quantity, notional)
  local have = held.quantity
  local held_sign, leg_sign = sign(have), sign(quantity)
  if held_sign == 0 or held_sign == leg_sign then
    held.quantity = add(have, quantity)
    held.cost = add(held.cost, notional)
    return decimal.zero, false, nil
  end
  local have_size, leg_size = absolute(have), absolute(quantity)
  local order = compare(leg_size, have_size)
  local closed = order <= 0 and leg_size or have_size
  local notional_closed = M.share(notional, closed, leg_size)
  local removed = M.share(held.cost, closed, have_size)
  held.quantity = add(have, quantity)
  held.cost = add(subtract(held.cost, removed), subtract(notional, notional_closed))
  return negate(add(notional_closed, removed)), order >= 0, closed
end

return M
