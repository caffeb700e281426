-- Nanoseconds since 1970 as text: they do not fit a Lua number.

local decimal = require("decimal")

local M = {}

-- How far a sender's clock may run ahead of ours before its times are not trusted: a minute.
local AHEAD_MAX_NS = decimal.parse("60000000000")

function M.not_later(left, right)
  if #left ~= #right then
    return #left < #right
  end
  return left <= right
end

function M.later(left, right)
  return M.not_later(left, right) and right or left
end

function M.is_far_ahead(executed_at, received_at)
  if M.not_later(executed_at, received_at) then
    return false
  end
  local ahead = decimal.subtract(decimal.parse(executed_at), decimal.parse(received_at))
  return decimal.compare(ahead, AHEAD_MAX_NS) > 0
end

return M
