-- The steps of one multi-step trade, and what it has come to so far: net amount per asset over all
-- locations, fees included. It is flat when every asset it exchanged, except the one it started
-- from, is back within dust; an asset that was only paid as a fee keeps nothing open.

local decimal = require("decimal")
local token_amounts = require("token_amounts")

local M = {}

M.fields = {
  "arbitrage", "status", "numeraire", "net", "traded", "dust", "first_time", "last_time", "steps",
}

function M.parse(id, values)
  local traded = {}
  for asset in string.gmatch(values[5] or "", '"([^"]*)"') do
    traded[#traded + 1] = asset
  end
  return {
    id = id, arbitrage = values[1] or "0", status = values[2] or "open",
    numeraire = values[3] or "", net = token_amounts.parse(values[4]), traded = traded,
    dust = token_amounts.parse(values[6]), first = values[7] or "", last = values[8] or "",
    steps = tonumber(values[9] or "0"), new_steps = {},
  }
end

local function traded_text(traded)
  if #traded == 0 then
    return "[]"
  end
  return '["' .. table.concat(traded, '","') .. '"]'
end

function M.texts(self)
  return {
    self.arbitrage, self.status, self.numeraire, token_amounts.text(self.net),
    traded_text(self.traded), token_amounts.text(self.dust), self.first, self.last,
    string.format("%d", self.steps),
  }
end

local function add_traded(traded, asset)
  for index = 1, #traded do
    if traded[index] == asset then
      return
    end
  end
  traded[#traded + 1] = asset
  table.sort(traded)
end

local function is_flat(self)
  for index = 1, #self.traded do
    local asset = self.traded[index]
    if asset ~= self.numeraire then
      local open = decimal.absolute(token_amounts.get(self.net, asset))
      if decimal.compare(open, token_amounts.get(self.dust, asset)) > 0 then
        return false
      end
    end
  end
  return true
end

-- facts: the event; quantity and notional of its main leg; fees that were applied.
-- Returns the JSON of the step with the trace's new totals.
function M.step(self, facts, quantity, notional, fees, terms)
  local assets = facts.assets or {}
  local base = assets[facts.base] or facts.base
  local quote = assets[facts.quote] or facts.quote
  local size = terms.multiplier_is_one and quantity or decimal.multiply(quantity, terms.multiplier)
  if terms.inverse then
    token_amounts.add(self.net, base, decimal.negate(notional))
    token_amounts.add(self.net, quote, decimal.negate(size))
  else
    token_amounts.add(self.net, base, size)
    token_amounts.add(self.net, quote, decimal.negate(notional))
  end
  add_traded(self.traded, base)
  add_traded(self.traded, quote)
  for index = 1, #fees do
    local token = fees[index][1]
    token_amounts.add(self.net, assets[token] or token, decimal.negate(fees[index][2]))
  end
  if decimal.sign(terms.dust) > 0
      and decimal.compare(terms.dust, token_amounts.get(self.dust, base)) > 0 then
    token_amounts.set(self.dust, base, terms.dust)
  end
  if self.steps == 0 then
    self.numeraire = decimal.sign(quantity) > 0 and quote or base
    self.first = facts.executed_at
  end
  if facts.trace.arbitrage == "1" then
    self.arbitrage = "1"
  end
  local number = self.steps
  self.steps = number + 1
  self.last = facts.executed_at
  local flat = self.steps >= 2 and is_flat(self)
  self.status = flat and "completed" or "open"
  local kind = facts.trace.step
    or (number == 0 and "entry") or (flat and "exit") or "intermediate"
  local step = '{"step_number":"' .. string.format("%d", number) .. '","step_type":"' .. kind
    .. '","strategy_id":"' .. terms.strategy .. '","instrument_id":"' .. terms.instrument
    .. '","venue":"' .. facts.venue .. '","location":"' .. facts.location
    .. '","chain_id":"' .. (facts.chain_id or "0") .. '","quantity_delta":"' .. decimal.text(quantity)
    .. '","price":"' .. (facts.price or "") .. '","timestamp":"' .. facts.executed_at .. '"}'
  self.new_steps[#self.new_steps + 1] = { "step:" .. string.format("%d", number), step }
  local texts = M.texts(self)
  return '{"id":"' .. self.id .. '","arbitrage":"' .. texts[1] .. '","status":"' .. texts[2]
    .. '","numeraire":"' .. texts[3] .. '","net":' .. texts[4] .. ',"traded":' .. texts[5]
    .. ',"dust":' .. texts[6] .. ',"first_time":"' .. texts[7] .. '","last_time":"' .. texts[8]
    .. '","steps":"' .. texts[9] .. '","step":' .. step .. "}"
end

-- Sets the totals and the step a journal entry holds. json: the entry's trace as written.
function M.restore(self, told, json)
  self.arbitrage, self.status, self.numeraire = told.arbitrage, told.status, told.numeraire
  self.net, self.dust = token_amounts.new(), token_amounts.new()
  for asset, amount in pairs(told.net) do token_amounts.set_text(self.net, asset, amount) end
  for asset, amount in pairs(told.dust) do token_amounts.set_text(self.dust, asset, amount) end
  self.traded, self.first, self.last = told.traded, told.first_time, told.last_time
  self.steps = tonumber(told.steps)
  local step = string.match(json, '"step":({.-})}$')
  self.new_steps[#self.new_steps + 1] = { "step:" .. told.step.step_number, step }
end

return M
