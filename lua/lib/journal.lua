-- The journal entry of one event: its fields in their order, and the hash chain over them. The
-- digest covers the previous digest and every field with its length, so no two different histories
-- read the same.

local M = {}

M.RULES = "1"
M.GENESIS = string.rep("0", 40)

-- "<length>:" by length. Making text of a number is costly and lengths repeat: the usual are kept.
local LENGTHS = setmetatable({}, {
  __index = function(lengths, length)
    local text = string.format("%d:", length)
    if length < 4096 then
      lengths[length] = text
    end
    return text
  end,
})

-- Returns the field and value list for XADD, and the entry's digest.
function M.entry(facts_json, kind, done, previous_update, previous_digest, sha1hex)
  local legs, changes, order, trace = done.legs, done.changes, done.order, done.trace
  local effects = done.effects
  local contribution, result, reason = done.contribution_json, done.result, done.reason
  local digest = sha1hex(previous_digest
    .. LENGTHS[#kind] .. kind .. LENGTHS[#result] .. result .. LENGTHS[#reason] .. reason
    .. LENGTHS[#facts_json] .. facts_json .. LENGTHS[#legs] .. legs
    .. LENGTHS[#effects] .. effects .. LENGTHS[#changes] .. changes .. LENGTHS[#order] .. order .. LENGTHS[#trace] .. trace
    .. LENGTHS[#contribution] .. contribution .. LENGTHS[#previous_update] .. previous_update
    .. LENGTHS[#M.RULES] .. M.RULES)
  return {
    "event", kind, "result", result, "reason", reason, "facts", facts_json, "legs", legs,
    "effects", effects, "changes", changes, "order", order, "trace", trace, "contribution", contribution,
    "previous_update", previous_update, "rules", M.RULES, "digest", digest,
  }, digest
end

-- The cursor after one event of a lane entry: the bare id when it was the last.
function M.place_after(facts)
  if facts.of == "1" then
    return facts.entry
  end
  local following = tonumber(facts.index) + 1
  if following >= tonumber(facts.of) then
    return facts.entry
  end
  return facts.entry .. ":" .. string.format("%d", following)
end

-- What subscribers get: a pure function of the entry. prefix: "pm:{book}:".
function M.update_message(prefix, seq, previous_seq, facts, changes)
  return '{"book":"' .. string.sub(prefix, 5, -3) .. '","seq":"' .. seq .. '","previous_seq":"'
    .. previous_seq .. '","timestamp":"' .. (facts.executed_at or "") .. '","changes":'
    .. changes .. "}"
end

return M
