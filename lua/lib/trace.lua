-- The steps of one multi-step trade, and what it has come to so far: net amount per asset over all
-- locations, fees included. It is flat when every asset it exchanged, except the one it started
-- from, is back within dust; an asset that was only paid as a fee keeps nothing open.

local decimal = require("decimal")
local token_amounts = require("token_amounts")

local M = {}

M.fields = {
  "arbitrage", "status", "numeraire", "net", "locations", "traded", "dust", "first_time", "last_time", "steps",
}

-- values: the hash fields in the order of M.fields, or an empty list. What has been archived counts
-- as absent: a late step begins the trace anew, and `stale_steps` tells how many of its fields are old.
function M.parse(id, values)
  local stale_steps = 0
  if values[2] == "archived" then
    stale_steps, values = tonumber(values[10]), {}
  end
  local traded = {}
  for asset in string.gmatch(values[6] or "", '"([^"]*)"') do
    traded[#traded + 1] = asset
  end
  return {
    id = id, exists = values[1] and true, arbitrage = values[1] or "0", status = values[2] or "open",
    numeraire = values[3] or "", net = token_amounts.parse(values[4]),
    locations = token_amounts.parse(values[5]), traded = traded,
    dust = token_amounts.parse(values[7]), first = values[8] or "", last = values[9] or "",
    steps = tonumber(values[10] or "0"), stale_steps = stale_steps, new_steps = {},
  }
end

-- Makes an archived trace an absent one, whose step fields are still to be taken away.
function M.begin_anew(self)
  local fresh = M.parse(self.id, {})
  fresh.stale_steps = math.max(self.stale_steps, self.steps)
  self.is_archived = nil
  for name, value in pairs(fresh) do self[name] = value end
  self.exists = nil
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
    token_amounts.text(self.locations), traded_text(self.traded), token_amounts.text(self.dust), self.first, self.last,
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

local function move(self, location, asset, amount)
  token_amounts.add(self.net, asset, amount)
  token_amounts.add(self.locations, location .. ":" .. asset, amount)
end

-- The trace as the journal has it; step_json may be "".
local function json(self, step_json)
  local texts = M.texts(self)
  return '{"id":"' .. self.id .. '","arbitrage":"' .. texts[1] .. '","status":"' .. texts[2]
    .. '","numeraire":"' .. texts[3] .. '","net":' .. texts[4] .. ',"locations":' .. texts[5]
    .. ',"traded":' .. texts[6] .. ',"dust":' .. texts[7] .. ',"first_time":"' .. texts[8]
    .. '","last_time":"' .. texts[9] .. '","steps":"' .. texts[10] .. '"'
    .. (step_json == "" and "}" or ',"step":' .. step_json .. "}")
end

-- Appends a step once its amounts are booked. step: kind (nil: told by its place), strategy,
-- instrument, venue, location, chain_id, quantity (text), price.
local function append(self, facts, numeraire, step)
  if self.steps == 0 then
    self.numeraire, self.first = numeraire, facts.executed_at
  end
  if facts.trace.arbitrage == "1" then
    self.arbitrage = "1"
  end
  local number = self.steps
  self.steps = number + 1
  self.exists = true
  self.last = facts.executed_at
  local flat = self.steps >= 2 and is_flat(self)
  self.status = flat and "completed" or "open"
  local kind = step.kind or (number == 0 and "entry") or (flat and "exit") or "intermediate"
  local step_json = '{"step_number":"' .. string.format("%d", number) .. '","step_type":"' .. kind
    .. '","strategy_id":"' .. step.strategy .. '","instrument_id":"' .. step.instrument
    .. '","venue":"' .. step.venue .. '","location":"' .. step.location
    .. '","chain_id":"' .. step.chain_id .. '","quantity_delta":"' .. step.quantity
    .. '","price":"' .. step.price .. '","timestamp":"' .. facts.executed_at .. '"}'
  self.new_steps[#self.new_steps + 1] = { "step:" .. string.format("%d", number), step_json }
  return json(self, step_json)
end

-- facts: the event; quantity and notional of its main leg; fees that were applied.
-- Returns the JSON of the step with the trace's new totals.
function M.step(self, facts, quantity, notional, fees, terms)
  local assets, location = facts.assets or {}, facts.location
  local base = assets[facts.base] or facts.base
  local quote = assets[facts.quote] or facts.quote
  local size = terms.multiplier_is_one and quantity or decimal.multiply(quantity, terms.multiplier)
  if terms.inverse then
    move(self, location, base, decimal.negate(notional))
    move(self, location, quote, decimal.negate(size))
  else
    move(self, location, base, size)
    move(self, location, quote, decimal.negate(notional))
  end
  add_traded(self.traded, base)
  add_traded(self.traded, quote)
  for index = 1, #fees do
    local token = fees[index][1]
    move(self, location, assets[token] or token, decimal.negate(fees[index][2]))
  end
  if decimal.sign(terms.dust) > 0
      and decimal.compare(terms.dust, token_amounts.get(self.dust, base)) > 0 then
    token_amounts.set(self.dust, base, terms.dust)
  end
  return append(self, facts, decimal.sign(quantity) > 0 and quote or base, {
    kind = facts.trace.step, strategy = terms.strategy, instrument = terms.instrument,
    venue = facts.venue, location = location, chain_id = facts.chain_id or "0",
    quantity = decimal.text(quantity), price = facts.price or "",
  })
end

-- A step that moves an asset between places. moves: {{location, token, amount}, ...}; the last is
-- the one shown; chain_id is its. Returns what M.step returns.
function M.bridge(self, facts, moves, instrument, chain_id)
  local assets = facts.assets or {}
  local first = facts.token or moves[1][2]
  for index = 1, #moves do
    local asset = assets[moves[index][2]] or moves[index][2]
    move(self, moves[index][1], asset, moves[index][3])
    add_traded(self.traded, asset)
  end
  local shown = moves[#moves]
  return append(self, facts, assets[first] or first, {
    kind = "bridge", strategy = facts.strategy or "", instrument = instrument, venue = "",
    location = shown[1], chain_id = chain_id, quantity = decimal.text(shown[3]), price = "",
  })
end

-- Gives the trace a status without a step. Returns its JSON.
function M.end_as(self, status)
  self.status = status
  return json(self, "")
end

-- What of the exchanged assets is left over, beyond dust: by asset, and by "location:asset".
function M.left_over(self)
  local by_asset, by_location = token_amounts.new(), token_amounts.new()
  for index = 1, #self.traded do
    local asset = self.traded[index]
    local amount = token_amounts.get(self.net, asset)
    if decimal.compare(decimal.absolute(amount), token_amounts.get(self.dust, asset)) > 0 then
      token_amounts.set(by_asset, asset, amount)
    end
  end
  for index = 1, #self.locations, 2 do
    local asset = string.match(self.locations[index], ":(.*)$")
    if token_amounts.has(by_asset, asset) and decimal.sign(self.locations[index + 1]) ~= 0 then
      token_amounts.set(by_location, self.locations[index], self.locations[index + 1])
    end
  end
  return by_asset, by_location
end

-- Sets the totals and the step a journal entry holds. json: the entry's trace as written.
function M.restore(self, told, json_text)
  if self.steps == 0 and not (told.step and told.step.step_number == "0") then
    self.stale_steps = 0 -- archived by the very entries that are restored: its steps are its own
  end
  self.arbitrage, self.status, self.numeraire = told.arbitrage, told.status, told.numeraire
  self.net = token_amounts.from_table(told.net)
  self.locations = token_amounts.from_table(told.locations)
  self.dust = token_amounts.from_table(told.dust)
  self.traded, self.first, self.last = told.traded, told.first_time, told.last_time
  self.steps = tonumber(told.steps)
  if told.step then
    local step = string.match(json_text, '"step":({.-})}$')
    self.new_steps[#self.new_steps + 1] = { "step:" .. told.step.step_number, step }
  end
end

return M
