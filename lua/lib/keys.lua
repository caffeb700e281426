-- Names of the keys of one book. The Python twin is pm/keys.py; a test compares the two.
-- A script may touch only keys it was given, so every name is looked up among the declared ones and
-- the missing ones are collected: the caller is told them before anything is written.

local M = {}

-- keys: the KEYS of the call, the first being the book hash, "pm:{book}:book".
function M.declared(keys)
  local self = { set = {}, needs = {}, prefix = string.sub(keys[1], 1, -5) }
  for index = 1, #keys do
    self.set[keys[index]] = true
  end
  return self
end

-- The full key, or nil (and the key is noted as needed).
function M.key(self, name)
  local key = self.prefix .. name
  if self.set[key] then
    return key
  end
  if not self.needs[key] then
    self.needs[key] = true
    self.needs[#self.needs + 1] = key
  end
  return nil
end

function M.position(strategy, instrument) return "position:" .. strategy .. ":" .. instrument end
function M.balance(location, token) return "balance:" .. location .. ":" .. token end
function M.order(order) return "order:" .. order end
function M.trace(id) return "trace:" .. id end
function M.strategy(strategy) return "strategy:" .. strategy end
function M.attribution(strategy, day) return "attribution:" .. strategy .. ":" .. day end
function M.instrument(instrument) return "instrument:" .. instrument end
function M.chain(chain_id) return "chain:" .. chain_id end
function M.pending(id) return "pending:" .. id end
function M.seen(generation) return "seen:" .. string.format("%d", generation) end
function M.seen_future() return "seen:future" end

return M
