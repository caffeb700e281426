-- The end of multi-step trades: one that has been silent for too long has expired, and what it left
-- over is stranded; one that has ended leaves the live state, while the journal keeps its steps.

local outcome = require("outcome")
local token_amounts = require("token_amounts")
local trace = require("trace")

local M = {}

local function as_expected(held, facts)
  return held.exists and string.format("%d", held.steps) == facts.steps
end

function M.expire(facts, state)
  local held = state.peek_trace(facts.trace.id)
  if not as_expected(held, facts) or held.status ~= "open" then
    return outcome.new("noted", "trace_moved")
  end
  held = state.trace(facts.trace.id)
  local done, changes = outcome.new("applied"), {}
  done.trace = trace.end_as(held, facts.verdict)
  state.count_trace(facts.verdict)
  if facts.verdict == "stranded" then
    local by_asset, by_location = trace.left_over(held)
    changes[1] = '{"type":"trace_stranded","trace_id":"' .. held.id .. '","stranded":'
      .. token_amounts.text(by_asset) .. ',"locations":' .. token_amounts.text(by_location) .. "}"
  end
  return outcome.finish(done, changes, {})
end

function M.archive(facts, state)
  local held = state.peek_trace(facts.trace.id)
  if not as_expected(held, facts) or held.status == "open" then
    return outcome.new("noted", "trace_moved")
  end
  held = state.trace(facts.trace.id)
  local done = outcome.new("applied")
  done.trace = trace.end_as(held, "archived")
  held.is_archived = true
  return done
end

return M
