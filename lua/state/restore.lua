-- Puts the absolute values of one journal entry back into a book's state, as apply had decided them.

local balance = require("balance")
local decimal = require("decimal")
local order_state = require("order")
local pending_state = require("pending")
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
      value = token_amounts.text(token_amounts.from_table(value))
    elseif value == cjson.null then
      value = ""
    end
    hash[2 * index - 1], hash[2 * index] = fields[index], value
  end
  return hash
end

-- What the event says of an instrument, and where its positions lie from now on (nil: as before).
local MOVES_POSITION = {
  fill = true, execution_result = true, deposit = true, opening = true, adjustment = true,
}
local function about(facts, effects, instrument)
  local arrives = facts.to and facts.to.instrument == instrument
    and (facts.step == "arrived" or facts.step == "whole")
    and not string.find(effects, '"to_book":"[^"]')
  if arrives then
    return facts.to, facts.to
  elseif facts.underlying and facts.underlying.instrument == instrument then
    return facts.underlying, facts.underlying
  end
  return facts, MOVES_POSITION[facts.kind] and facts or nil
end

local function restore_position(state, change, facts, effects)
  local terms, place = about(facts, effects, change.instrument)
  local held = state.position(change.strategy_id, change.instrument, terms, place)
  held.hash = hash_of(position.fields, change.new)
  held.quantity, held.cost = decimal.parse(change.new.quantity), decimal.parse(change.new.cost)
  held.mark_is_void = held.mark_is_void or facts.kind == "split"
end

local function restore_change(state, change, facts, effects)
  if change.type == "balance_changed" then
    local held = state.balance(change.location, change.chain_id, change.token)
    held.hash = hash_of(balance.fields, change.new)
  elseif change.type ~= "trace_stranded" then
    restore_position(state, change, facts, effects)
  end
end

local function restore_effect(state, effect)
  if effect.type == "pending" then
    local held = state.pending(effect.id)
    pending_state.restore(held, effect)
    state.keep_pending(held)
  elseif effect.type == "in_flight" or effect.type == "receivable" then
    state.add_sum(effect.type, effect.token, decimal.parse(effect.amount))
  end
end

-- fields: the entry by name. facts: its decoded facts. Returns the strategies whose positions changed.
function M.entry(state, fields, facts)
  local strategies = {}
  if fields.changes ~= "[]" then
    local changes = cjson.decode(fields.changes)
    for index = 1, #changes do
      restore_change(state, changes[index], facts, fields.effects)
      strategies[#strategies + 1] = changes[index].strategy_id
    end
  end
  if fields.effects ~= "[]" then
    local effects = cjson.decode(fields.effects)
    for index = 1, #effects do
      restore_effect(state, effects[index])
    end
  end
  if fields.order ~= "" then
    local told = cjson.decode(fields.order)
    told.reservations = string.match(fields.order, '"reservations":({.-})}$')
    local order = state.order(told.key)
    order.hash, order.seq = hash_of(order_state.fields, told), state.entry_seq_text
    order.news_at, order.had_reservations = facts.executed_at, true
  end
  if fields.trace ~= "" then
    local told = cjson.decode(fields.trace)
    local held = state.trace(told.id)
    trace.restore(held, told, fields.trace)
    if facts.kind == "trace_expired" then
      state.count_trace(told.status)
    end
    held.is_archived = told.status == "archived"
  end
  return strategies
end

return M
