-- What positions are worth at their marks. A mark is set from outside; whatever moves a position
-- moves its value, and the totals of its strategy and book by the same difference, so that they
-- always agree. Valuation is no part of the journal: it depends on when somebody looked.
--
--   market value = quantity * mark * multiplier, inverse -(quantity * multiplier / mark), 18 decimals
--   unrealized   = market value - cost
-- An open position without a mark has neither ("") and is counted.

local decimal = require("decimal")
local token_amounts = require("token_amounts")

local M = {}

M.fields = { "mark", "market_value", "unrealized_pnl" }
M.total_fields = { "market_value", "unrealized_pnl", "unmarked" }

function M.parse(values)
  return { mark = values[1] or "", value = values[2] or "", unrealized = values[3] or "",
    exists = values[2] and true or false }
end

-- Kept as text until something changes.
function M.parse_totals(values)
  return { value = values[1], unrealized = values[2], unmarked = values[3] }
end

-- The value and unrealized P&L of a quantity at a mark, as decimals. inverse: boolean.
function M.at(quantity, cost, mark, multiplier, inverse)
  local value
  if inverse then
    value = decimal.negate(decimal.multiply_divide(quantity, multiplier, mark, 18))
  else
    value = decimal.multiply(decimal.multiply(quantity, mark), multiplier)
  end
  return value, decimal.subtract(value, cost)
end

-- What a figure moved by: new as a decimal with its text, old as text ("": none), or nil.
local function moved_by(new, new_text, old_text)
  if new_text == old_text then
    return nil
  end
  local moved = decimal.subtract(new, decimal.parse(old_text == "" and "0" or old_text))
  return decimal.sign(moved) ~= 0 and moved or nil
end

-- A position that changed, in `held`: quantity, cost (decimals), `valued` as parsed, `was_open`, and
-- mark_is_void when its mark is no price of it any more. Returns the fields and values to write
-- with it, and what the totals move by (nil: nothing).
function M.follow(held)
  local was, fields = held.valued, {}
  local is_open = decimal.sign(held.quantity) ~= 0
  local mark = was.mark
  if held.mark_is_void and mark ~= "" then
    mark = ""
    fields[1], fields[2], fields[3], fields[4] = "mark", "", "mark_time", ""
  end
  local is_unmarked = is_open and mark == ""
  local value, unrealized = decimal.zero, decimal.zero
  if is_open and not is_unmarked then
    local about = held.about
    value, unrealized = M.at(held.quantity, held.cost, decimal.parse(mark),
      decimal.parse(about.multiplier or "1"), about.inverse == "1")
  end
  local value_text = is_unmarked and "" or decimal.text(value)
  local unrealized_text = is_unmarked and "" or decimal.text(unrealized)
  if not was.exists then
    fields[#fields + 1], fields[#fields + 2] = "mark", ""
  end
  if not was.exists or value_text ~= was.value or unrealized_text ~= was.unrealized then
    fields[#fields + 1], fields[#fields + 2] = "market_value", value_text
    fields[#fields + 1], fields[#fields + 2] = "unrealized_pnl", unrealized_text
  end
  local was_unmarked = was.exists and held.was_open and was.value == ""
  local difference = {
    value = moved_by(value, value_text, was.value),
    unrealized = moved_by(unrealized, unrealized_text, was.unrealized),
    unmarked = (is_unmarked and 1 or 0) - (was_unmarked and 1 or 0),
  }
  if not difference.value and not difference.unrealized and difference.unmarked == 0 then
    return fields, nil
  end
  return fields, difference
end

-- Adds a difference to totals.
function M.add(totals, settlement, difference)
  if type(totals.value) ~= "table" then
    totals.value = token_amounts.parse(totals.value)
    totals.unrealized = token_amounts.parse(totals.unrealized)
    totals.unmarked = tonumber(totals.unmarked or "0")
    totals.is_changed = true
  end
  if difference.value then token_amounts.add(totals.value, settlement, difference.value) end
  if difference.unrealized then
    token_amounts.add(totals.unrealized, settlement, difference.unrealized)
  end
  totals.unmarked = totals.unmarked + difference.unmarked
end

-- Fields and values of totals that changed.
function M.changed_totals(totals)
  if not totals.is_changed then
    return {}
  end
  return { "market_value", token_amounts.text(totals.value),
    "unrealized_pnl", token_amounts.text(totals.unrealized),
    "unmarked", string.format("%d", totals.unmarked) }
end

return M
