-- Puts the absolute values of one journal entry back into a book's state, as apply had decided them.

local balance = require("balance")
local order_state = require("order")
local position = require("position")
local token_amounts = require("token_amounts")
local trace = require("trace")

local M = {}

-- The fields and values HSET takes.
local function hash_of(fields, values)
  local hash = {}
  for index = 1, #fields do
    local value = values[fields[index]]
    if type(value) == "table" then
      local amounts = token_amounts.new()
      for token, amount in pairs(value) do
        token_amounts.set_text(amounts, token, amount)
      end
      value = token_amounts.text(amounts)
    elseif value == cjson.null then
      value = ""
    end
    hash[2 * index - 1], hash[2 * index] = fields[index], value
  end
  return hash
end

local function restore_change(state, change, facts)
  if change.type == "balance_changed" then
    local held = state.balance(change.location, change.chain_id, change.token)
    held.hash = hash_of(balance.fields, change.new)
  else
    local held = state.position(change.strategy_id, change.instrument, facts)
    held.hash = hash_of(position.fields, change.new)
  end
end

-- fields: the entry by name. facts: its decoded facts. Returns the strategy whose position changed.
function M.entry(state, fields, facts)
  local strategy
  if fields.changes ~= "[]" then
    local changes = cjson.decode(fields.changes)
    for index = 1, #changes do
      restore_change(state, changes[index], facts)
      strategy = strategy or changes[index].strategy_id
    end
  end
  if fields.order ~= "" then
    local told = cjson.decode(fields.order)
    local order = state.order(told.key)
    order.hash, order.seq = hash_of(order_state.fields, told), state.entry_seq_text
  end
  if fields.trace ~= "" then
    local told = cjson.decode(fields.trace)
    local held = state.trace(told.id)
    trace.restore(held, told, fields.trace)
  end
  return strategy
end

return M
