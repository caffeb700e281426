-- What is under way: a transfer between two places, a dividend between its ex-date and its payment, a
-- correction between its request and its end.

local token_amounts = require("token_amounts")

local M = {}

M.fields = {
  "kind", "status", "strategy", "instrument", "token", "amount", "quantity", "cost",
  "from_location", "from_chain_id", "to_location", "arrived", "fee", "transfer_cost", "to_book",
  "shares", "sent_at", "ended_at", "action", "execution", "price", "quote_amount", "fees",
  "keep_fees", "by", "why", "trade_seq", "reason", "detail",
}
local TRANSFER = {
  "kind", "status", "strategy", "instrument", "token", "amount", "quantity", "cost",
  "from_location", "from_chain_id", "to_location", "arrived", "fee", "transfer_cost", "to_book",
  "sent_at", "ended_at",
}
local DIVIDEND = { "kind", "status", "instrument", "token", "amount", "shares", "sent_at", "ended_at" }
local CORRECTION = {
  "kind", "status", "action", "execution", "strategy", "quantity", "price", "quote_amount", "fees",
  "keep_fees", "by", "why", "trade_seq", "reason", "detail", "sent_at", "ended_at",
}
local FIELDS_OF = { transfer = TRANSFER, dividend = DIVIDEND, correction = CORRECTION }
local OPEN = { in_flight = true, receivable = true, open = true }

-- values: the hash fields in the order of M.fields, or an empty list.
function M.parse(id, values)
  local self = { id = id, exists = values[1] and true or false, values = {} }
  for index = 1, #M.fields do
    self.values[M.fields[index]] = values[index] or nil
  end
  self.was_open = self.exists and OPEN[self.values.status] or false
  return self
end

function M.is_open(self)
  return OPEN[self.values.status] or false
end

local function fields_of(self)
  return FIELDS_OF[self.values.kind]
end

function M.is_correction(self)
  return self.values.kind == "correction"
end

-- The JSON list of fees {{token, amount, class}, ...}, "" where none were stated.
function M.fees_text(fees)
  if type(fees) ~= "table" then
    return ""
  end
  local parts = {}
  for index = 1, #fees do
    parts[index] = '["' .. table.concat(fees[index], '","') .. '"]'
  end
  return "[" .. table.concat(parts, ",") .. "]"
end

-- The fields and values HSET takes.
function M.hash(self)
  local hash, fields = {}, fields_of(self)
  for index = 1, #fields do
    hash[2 * index - 1], hash[2 * index] = fields[index], self.values[fields[index]]
  end
  return hash
end

function M.json(self)
  local parts = { '{"type":"pending","id":"' .. self.id .. '"' }
  local fields = fields_of(self)
  for index = 1, #fields do
    local name, value = fields[index], self.values[fields[index]]
    local is_json = name == "shares" or (name == "fees" and value ~= "")
    parts[#parts + 1] = ',"' .. name .. '":' .. (is_json and value or '"' .. value .. '"')
  end
  return table.concat(parts) .. "}"
end

-- Sets what a journal entry holds. told: the decoded effect.
function M.restore(self, told)
  self.exists = true
  for index = 1, #M.fields do
    local name = M.fields[index]
    local value = told[name]
    if name == "fees" then
      value = M.fees_text(value)
    elseif type(value) == "table" then
      value = token_amounts.text(token_amounts.from_table(value))
    end
    self.values[name] = value
  end
end

return M
