-- Exact signed decimals: canonical text outside, immutable values in two tiers inside.
--
-- Lua 5.1 has only doubles, exact to 2^53, and money must be exact, so:
--   small  {mantissa, scale}                    value = mantissa / 10^scale, |mantissa| < 2^53
--   big    {false, limbs, count, point, sign}   value = sign * sum(limbs[i] * 10^(7*(i-1-point)))
-- Behind these a value holds its canonical text once somebody has asked for it, in [3] or [6]; that
-- place is made (nil) with the value, since a table that has to grow is paid for twice.
-- A small operation is a handful of double instructions and one allocation; it hands over to the
-- limbs as soon as any double in it could be inexact. Every big result that fits comes back small.
-- Limbs are base 10^7, lowest first, with the decimal point between two limbs: operands align by
-- index, and text falls out seven digits at a time. Limbs above `count` are 0 or nil.
-- Small mantissas may keep trailing zeros (2.50 + 2.50 stays {500, 2}); text and scale drop them,
-- which is cheaper than doing so after each operation.

local floor = math.floor
local find, format, match = string.find, string.format, string.match
local rep, sub = string.rep, string.sub

local M = {}

-- A double product or sum below this is exact: rounding is monotone, so an inexact one is at least
-- as large. The check is therefore made on results, never on digit counts.
local LIMIT = 2 ^ 53
local BASE = 1e7
-- Beyond this many limbs a column of products (10^14 each) would pass 2^53.
local LIMBS_MAX = 80
-- Below SHORT * BASE a divisor leaves room for its remainder times BASE in a double.
local SHORT = 90

-- 10^0 to 10^308. Above 10^22 they are rounded, which is harmless: a nonzero mantissa times one of
-- them is far past LIMIT. Larger exponents share the last entry for the same reason; it is not
-- infinity because 0 * infinity is not 0.
local POWER = setmetatable({}, { __index = function() return 1e308 end })
do
  local power = 1
  for exponent = 0, 308 do
    POWER[exponent] = power
    power = power * 10
  end
end

local ZERO, ONE = { 0, 0, "0" }, { 1, 0, "1" }
M.zero = ZERO

local function fail(message)
  error("decimal: " .. message, 0)
end

local function trim(mantissa, scale)
  if mantissa == 0 then
    return 0, 0
  end
  while scale >= 6 and mantissa % 1e6 == 0 do
    mantissa, scale = mantissa / 1e6, scale - 6
  end
  while scale > 0 and mantissa % 10 == 0 do
    mantissa, scale = mantissa / 10, scale - 1
  end
  return mantissa, scale
end

-- Nearest integer to numerator/denominator, ties to even; both positive and exact below LIMIT.
-- The floor is exact too: a quotient's distance to the next integer is at least 1/denominator,
-- more than half a unit in its last place.
local function nearest(numerator, denominator)
  local quotient = floor(numerator / denominator)
  local twice = (numerator - quotient * denominator) * 2
  if twice > denominator or (twice == denominator and quotient % 2 == 1) then
    return quotient + 1
  end
  return quotient
end

-- limbs ---------------------------------------------------------------------------------------

-- limbs, count, point, sign of either tier. The limbs may belong to a value: read only.
local function limbs_of(value)
  local mantissa = value[1]
  if not mantissa then
    return value[2], value[3], value[4], value[5]
  end
  local scale, sign = value[2], 1
  if mantissa < 0 then
    mantissa, sign = -mantissa, -1
  end
  -- Padding the mantissa to a limb boundary could pass 2^53; cutting off the low limb first cannot.
  local point = floor((scale + 6) / 7)
  local padding = POWER[7 * point - scale]
  local unit = BASE / padding
  local low = mantissa % unit
  mantissa = (mantissa - low) / unit
  if mantissa < BASE then
    return { low * padding, mantissa }, mantissa > 0 and 2 or 1, point, sign
  end
  local second = mantissa % BASE
  mantissa = (mantissa - second) / BASE
  local third = mantissa % BASE
  local fourth = (mantissa - third) / BASE
  return { low * padding, second, third, fourth }, fourth > 0 and 4 or 3, point, sign
end

-- The value of limbs that nobody else holds: no zero limbs at either end, small if it fits.
local function settle(limbs, count, point, sign)
  while count > 0 and limbs[count] == 0 do
    count = count - 1
  end
  if count == 0 then
    return ZERO
  end
  local zeros = 0
  while zeros < point and limbs[zeros + 1] == 0 do
    zeros = zeros + 1
  end
  if zeros > 0 then
    for i = 1, count do
      limbs[i] = limbs[i + zeros] or 0
    end
    count, point = count - zeros, point - zeros
  end
  if count <= 4 then
    local mantissa = 0
    for i = count, 2, -1 do
      mantissa = mantissa * BASE + limbs[i]
    end
    -- The lowest limb adds at least one digit.
    if mantissa < 1e15 then
      local low, unit, scale = limbs[1], BASE, 7 * point
      while scale > 0 and low % 10 == 0 do
        low, unit, scale = low / 10, unit / 10, scale - 1
      end
      mantissa = mantissa * unit + low
      if mantissa < LIMIT then
        return { sign * mantissa, scale, nil }
      end
    end
  end
  return { false, limbs, count, point, sign, nil }
end

local function add_limbs(a, b, direction)
  local al, an, ap, as = limbs_of(a)
  local bl, bn, bp, bs = limbs_of(b)
  bs = bs * direction
  if ap < bp then
    al, an, ap, as, bl, bn, bp, bs = bl, bn, bp, bs, al, an, ap, as
  end
  local shift = ap - bp
  local count = an > bn + shift and an or bn + shift
  local limbs, carry, relative = { 0, 0, 0, 0, 0, 0, 0, 0 }, 0, as * bs
  for i = 1, count do
    local limb = (al[i] or 0) + relative * (bl[i - shift] or 0) + carry
    if limb >= BASE then
      limbs[i], carry = limb - BASE, 1
    elseif limb < 0 then
      limbs[i], carry = limb + BASE, -1
    else
      limbs[i], carry = limb, 0
    end
  end
  if carry > 0 then
    count = count + 1
    limbs[count] = 1
  elseif carry < 0 then
    -- b was the larger: what stands there is BASE^count minus the true magnitude.
    as, carry = -as, 0
    for i = 1, count do
      local limb = carry - limbs[i]
      carry = limb < 0 and -1 or 0
      limbs[i] = limb - carry * BASE
    end
  end
  return settle(limbs, count, ap, as)
end

-- al * bl * BASE^shift: limbs, count. Column by column, so that each carry is taken once.
local function product(al, an, bl, bn, shift)
  if an > LIMBS_MAX and bn > LIMBS_MAX then
    fail("number too long")
  end
  local limbs, carry = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 0
  for i = 1, shift do
    limbs[i] = 0
  end
  local below = shift - 1
  for column = 2, an + bn do
    local first = column > bn and column - bn or 1
    local last = column <= an and column - 1 or an
    for i = first, last do
      carry = carry + al[i] * bl[column - i]
    end
    local limb = carry % BASE
    limbs[column + below] = limb
    carry = (carry - limb) / BASE
  end
  local count = an + bn + shift
  limbs[count] = carry
  return limbs, carry == 0 and count - 1 or count
end

-- quotient for a divisor below SHORT * BASE: one pass of doubles.
local function short_quotient(u, un, divisor)
  local rest = 0
  for k = un, 1, -1 do
    local part = rest * BASE + u[k]
    local digit = part / divisor
    digit = digit - digit % 1
    u[k], rest = digit, part - digit * divisor
  end
  return u, un, rest ~= 0
end

-- floor(u / v) as limbs and count, and whether anything remains; u is consumed, v[vn] is not 0.
--
-- Knuth's algorithm D, where doubles make three of its steps unnecessary. A quotient digit is
-- estimated from three limbs of each side (10^21 against 10^7), so nothing is normalised first.
-- Digits are rounded to nearest and may be negative, so an estimate is never wrong enough to need
-- an "add back": the remainder stays within (1/2 + 10^-5) v. And partial products stay uncarried in
-- u, at most 80 of them of 10^14 / 2; only the leading limb is folded down at each step.
local function quotient(u, un, v, vn)
  if vn == 1 or vn == 2 and v[2] < SHORT then
    return short_quotient(u, un, v[1] + (v[2] or 0) * BASE)
  end
  if vn > LIMBS_MAX then
    fail("number too long")
  end
  local divisor = (v[vn] * BASE + (v[vn - 1] or 0)) * BASE + (v[vn - 2] or 0)
  local limbs = { 0, 0, 0, 0, 0, 0, 0, 0 }
  local count = un - vn + 1
  for k = count, 1, -1 do
    local high = k + vn - 1
    local leading = u[high]
    if k < count then
      leading = leading + u[high + 1] * BASE
    end
    u[high] = leading
    local digit = (leading * BASE + (u[high - 1] or 0)) * BASE + (u[high - 2] or 0)
    digit = digit / divisor + 0.5
    digit = digit - digit % 1
    limbs[k] = digit
    if digit ~= 0 then
      local j = k
      for i = 1, vn do
        u[j] = u[j] - digit * v[i]
        j = j + 1
      end
    end
  end
  local carry, rest = 0, false
  for i = 1, vn do
    local limb = u[i] + carry
    carry = floor(limb / BASE)
    rest = rest or limb ~= carry * BASE
  end
  -- What is carried out is now 0, or -1 for a negative remainder: then the digits add up to one
  -- more than the floor, and the same carry takes it off them.
  for i = 1, count do
    local limb = limbs[i] + carry
    carry = floor(limb / BASE)
    limbs[i] = limb - carry * BASE
  end
  limbs[count + 1] = carry
  return limbs, count + 1, rest
end

-- Half-even at `scale` < 7 * point decimals; `rest` says that nonzero digits follow the limbs.
local function round_limbs(limbs, count, point, sign, scale, rest)
  local dropped = 7 * point - scale
  local cut = floor((dropped + 6) / 7)
  if cut > count then
    return ZERO
  end
  local unit = POWER[dropped - 7 * (cut - 1)]
  for i = 1, cut - 1 do
    rest = rest or limbs[i] ~= 0
    limbs[i] = 0
  end
  local limb = limbs[cut]
  local tail = limb % unit
  limb = limb - tail
  local odd = unit == BASE and (limbs[cut + 1] or 0) % 2 == 1 or limb / unit % 2 == 1
  if tail * 2 > unit or (tail * 2 == unit and (rest or odd)) then
    limb = limb + unit
  end
  limbs[cut] = limb
  while limb == BASE do
    limbs[cut] = 0
    cut = cut + 1
    limb = (limbs[cut] or 0) + 1
    limbs[cut] = limb
  end
  return settle(limbs, cut > count and cut or count, point, sign)
end

-- a * b / c on limbs. One limb more than the scale asks for: the rounding digit is always there.
local function ratio(a, b, c, scale)
  local al, an, ap, as = limbs_of(a)
  local bl, bn, bp, bs = limbs_of(b)
  local cl, cn, cp, cs = limbs_of(c)
  local point = floor(scale / 7) + 1
  local shift = point + cp - ap - bp
  if shift < 0 then
    point, shift = point - shift, 0
  end
  local limbs, count = product(al, an, bl, bn, shift)
  if count < cn then
    return ZERO
  end
  local rest
  limbs, count, rest = quotient(limbs, count, cl, cn)
  return round_limbs(limbs, count, point, as * bs * cs, scale, rest)
end

-- division in doubles ------------------------------------------------------------------------

-- Same tier and digits. Never true of different numbers; equal ones may differ in trailing zeros.
local function same(a, b)
  if a[1] or b[1] then
    return a[1] == b[1] and a[2] == b[2]
  end
  if a[3] ~= b[3] or a[4] ~= b[4] or a[5] ~= b[5] then
    return false
  end
  for i = 1, a[3] do
    if a[2][i] ~= b[2][i] then
      return false
    end
  end
  return true
end

-- sign * numerator / denominator / 10^exponent, both positive, by long division in doubles: the
-- denominator is small enough for a remainder times BASE. Nil if the digits before the first limb
-- boundary pass LIMIT.
local function short_ratio(numerator, denominator, exponent, sign, scale)
  local start = floor((exponent + 6) / 7)
  local padding = POWER[7 * start - exponent]
  local head = floor(numerator / denominator)
  local rest = (numerator - head * denominator) * padding
  local digit = floor(rest / denominator)
  head, rest = head * padding + digit, rest - digit * denominator
  if head >= LIMIT then
    return nil
  end
  local point = floor(scale / 7) + 1
  if point < start then
    point = start
  end
  local limbs, count = { 0, 0, 0, 0, 0, 0, 0, 0 }, point - start
  for i = count, 1, -1 do
    rest = rest * BASE
    digit = floor(rest / denominator)
    limbs[i], rest = digit, rest - digit * denominator
  end
  repeat
    count = count + 1
    digit = head % BASE
    limbs[count], head = digit, (head - digit) / BASE
  until head == 0
  return round_limbs(limbs, count, point, sign, scale, rest ~= 0)
end

-- numerator / denominator / 10^exponent if doubles alone can find its digits, else false or nil.
local function small_ratio(numerator, denominator, exponent, scale)
  local sign = 1
  if numerator < 0 then
    numerator, sign = -numerator, -1
  end
  if denominator < 0 then
    denominator, sign = -denominator, -sign
  end
  local shift = scale - exponent
  if shift >= 0 then
    local scaled = numerator * POWER[shift]
    if scaled < LIMIT then
      return { sign * nearest(scaled, denominator), scale, nil }
    end
  end
  -- Many quotients are exact. If one is at any number of decimals, it is at the largest that keeps
  -- the numerator exact.
  local dividend, decimals = numerator, exponent
  if dividend % denominator ~= 0 then
    while dividend < 9e11 do
      dividend, decimals = dividend * 1e4, decimals + 4
    end
    while dividend < 9e14 do
      dividend, decimals = dividend * 10, decimals + 1
    end
  end
  if dividend % denominator == 0 then
    local mantissa
    mantissa, decimals = trim(dividend / denominator, decimals)
    if decimals < 0 then
      mantissa, decimals = mantissa * POWER[-decimals], 0
    end
    if mantissa < LIMIT then
      return M.round({ sign * mantissa, decimals }, scale)
    end
  end
  return denominator < SHORT * BASE and short_ratio(numerator, denominator, exponent, sign, scale)
end

-- text ----------------------------------------------------------------------------------------

-- `first` is where the digits begin, `fraction` where those after the point would. Fourteen digits
-- at a time: reading a number out of a string costs more than splitting it in two.
local function parse_limbs(text, first, fraction, scale)
  local limbs = { 0, 0, 0, 0, 0, 0, 0, 0 }
  local point = floor((scale + 6) / 7)
  local count, last = point, scale > 0 and fraction - 2 or #text
  for i = point, 1, -2 do
    local digits = sub(text, fraction, fraction + 13)
    local pair = digits * POWER[14 - #digits]
    local low = pair % BASE
    limbs[i] = (pair - low) / BASE
    if i > 1 then
      limbs[i - 1] = low
    end
    fraction = fraction + 14
  end
  while last >= first do
    local pair = sub(text, last - 13 > first and last - 13 or first, last) + 0
    local low = pair % BASE
    limbs[count + 1], limbs[count + 2] = low, (pair - low) / BASE
    count, last = count + 2, last - 14
  end
  return limbs, count, point
end

-- Format strings of small values by scale (99 is the widest field %d takes), signed ones at -scale.
local SMALL_LAYOUT = {}
for scale = 1, 99 do
  SMALL_LAYOUT[scale] = "%d.%0" .. scale .. "d"
  SMALL_LAYOUT[-scale] = "-" .. SMALL_LAYOUT[scale]
end

-- Format strings of big values by whole * 2^20 + point, the limbs on either side of the point.
local BIG_LAYOUT = setmetatable({}, {
  __index = function(layouts, key)
    local point = key % 2 ^ 20
    local whole = (key - point) / 2 ^ 20
    local layout = "%d" .. rep("%07d", whole - 1) .. (point > 0 and "." or "") .. rep("%07d", point)
    layouts[key] = layout
    return layout
  end,
})

local function text_limbs(value)
  local limbs, count, point, sign = limbs_of(value)
  for i = count + 1, point + 1 do
    limbs[i] = 0
  end
  local rows = count > point and count or point + 1
  local layout, text = BIG_LAYOUT[(rows - point) * 2 ^ 20 + point], nil
  if rows <= 6 then
    -- The usual lengths without a list; what lies below the lowest limb is nil and not asked for.
    text = format(layout, limbs[rows], limbs[rows - 1], limbs[rows - 2], limbs[rows - 3],
      limbs[rows - 4], limbs[rows - 5])
  else
    local digits = {}
    for i = 1, rows do
      digits[i] = limbs[rows + 1 - i]
    end
    text = format(layout, unpack(digits))
  end
  if point > 0 then
    local low, last = limbs[1], -1
    while low % 10 == 0 do
      low, last = low / 10, last - 1
    end
    text = sub(text, 1, last)
  end
  return sign < 0 and "-" .. text or text
end

-- interface: every `scale` given is a number of decimals, 0 or more ------------------------------

local function parse_fresh(text)
  local dot, fraction = match(text, "^%-?%d+()%.?()%d*$")
  local scale = dot and #text + 1 - fraction
  if not dot or (scale == 0 and dot ~= fraction) then
    fail("not a decimal: " .. text)
  end
  -- Reading and scaling are each off by at most 2^-53 of the number (10^22 is still exact), in sum
  -- by less than a quarter below 10^15: rounding gives the digits back.
  local scaled = text * POWER[scale]
  if scaled < 1e15 and scaled > -1e15 and scale <= 22 then
    scaled = scaled + 0.5
    return { scaled - scaled % 1, scale, nil }
  end
  local negative = find(text, "-", 1, true)
  local limbs, count, point = parse_limbs(text, negative and 2 or 1, fraction, scale)
  return settle(limbs, count, point, negative and -1 or 1)
end

-- Prices, sizes and fees repeat, and a remembered one costs a seventh of reading it again. A full
-- memory is dropped whole: any order of eviction costs more than it keeps.
local REMEMBERED_MAX = 2000
local remembered, remembered_count = {}, 0

-- Plain decimal text (optional "-", digits, optionally "." and digits) to a value.
function M.parse(text)
  local value = remembered[text]
  if value then
    return value
  end
  value = parse_fresh(text)
  if remembered_count == REMEMBERED_MAX then
    remembered, remembered_count = {}, 0
  end
  remembered[text], remembered_count = value, remembered_count + 1
  return value
end

local function small_text(mantissa, scale)
  if scale > 0 then
    mantissa, scale = trim(mantissa, scale)
  end
  -- %d, not %.0f: half the time, and exact here because a C long has 64 bits.
  if scale == 0 then
    return format("%d", mantissa)
  end
  if scale > 99 then
    return text_limbs({ mantissa, scale })
  end
  local layout = SMALL_LAYOUT[scale]
  if mantissa < 0 then
    mantissa, layout = -mantissa, SMALL_LAYOUT[-scale]
  end
  local unit = POWER[scale]
  local low = mantissa % unit
  return format(layout, (mantissa - low) / unit, low)
end

-- Canonical text: no exponent, no trailing zeros, never "-0".
function M.text(value)
  local mantissa = value[1]
  if mantissa then
    local text = value[3]
    if not text then
      text = small_text(mantissa, value[2])
      value[3] = text
    end
    return text
  end
  local text = value[6]
  if not text then
    text = text_limbs(value)
    value[6] = text
  end
  return text
end

-- a + direction * b where the scales differ or the plain sum was too large.
local function add_aligned(a, b, direction)
  local am, bm, scale = a[1], b[1], a[2]
  if am and bm then
    local gap = scale - b[2]
    if gap > 0 then
      bm = bm * POWER[gap]
    elseif gap < 0 then
      am, scale = am * POWER[-gap], b[2]
    end
    -- The aligned operand needs no check of its own. It is even, so exact to 2 * LIMIT, and from
    -- there on the other one is too small to bring the sum below LIMIT.
    local sum = am + direction * bm
    if sum < LIMIT and sum > -LIMIT then
      return { sum, scale, nil }
    end
  end
  return add_limbs(a, b, direction)
end

function M.add(a, b)
  local am, bm, scale = a[1], b[1], a[2]
  if bm == 0 then
    return a
  elseif am == 0 then
    return b
  end
  if am and bm and scale == b[2] then
    local sum = am + bm
    if sum < LIMIT and sum > -LIMIT then
      return { sum, scale, nil }
    end
  end
  return add_aligned(a, b, 1)
end

function M.subtract(a, b)
  local am, bm, scale = a[1], b[1], a[2]
  if bm == 0 then
    return a
  end
  if am and bm and scale == b[2] then
    local difference = am - bm
    if difference < LIMIT and difference > -LIMIT then
      return { difference, scale, nil }
    end
  end
  return add_aligned(a, b, -1)
end

function M.multiply(a, b)
  local am, bm = a[1], b[1]
  if am and bm then
    local mantissa = am * bm
    if mantissa < LIMIT and mantissa > -LIMIT then
      return { mantissa, a[2] + b[2], nil }
    end
  end
  local al, an, ap, as = limbs_of(a)
  local bl, bn, bp, bs = limbs_of(b)
  local limbs, count = product(al, an, bl, bn, 0)
  return settle(limbs, count, ap + bp, as * bs)
end

function M.sign(a)
  local mantissa = a[1]
  if not mantissa then
    return a[5]
  end
  return mantissa > 0 and 1 or mantissa < 0 and -1 or 0
end

function M.negate(a)
  if a[1] then
    return { -a[1], a[2], nil }
  end
  return { false, a[2], a[3], a[4], -a[5] }
end

function M.absolute(a)
  return M.sign(a) < 0 and M.negate(a) or a
end

-- -1, 0 or 1. Aligning may round a mantissa, but only one that is then past LIMIT and so decides.
function M.compare(a, b)
  local am, bm = a[1], b[1]
  if not (am and bm) then
    return M.sign(add_limbs(a, b, -1))
  end
  local gap = a[2] - b[2]
  if gap > 0 then
    bm = bm * POWER[gap]
  elseif gap < 0 then
    am = am * POWER[-gap]
  end
  return am < bm and -1 or am > bm and 1 or 0
end

-- Number of decimals of the canonical text.
function M.scale(a)
  local mantissa, scale = a[1], a[2]
  if mantissa then
    if scale > 0 then
      mantissa, scale = trim(mantissa, scale)
    end
    return scale
  end
  scale = 7 * a[4]
  local low = a[2][1]
  while scale > 0 and low % 10 == 0 do
    low, scale = low / 10, scale - 1
  end
  return scale
end

-- a at `scale` decimals, ties to even; a itself if it has no more than that.
function M.round(a, scale)
  local mantissa = a[1]
  if mantissa then
    if a[2] <= scale then
      return a
    end
    local unit = POWER[a[2] - scale]
    if mantissa < 0 then
      return { -nearest(-mantissa, unit), scale }
    end
    return { nearest(mantissa, unit), scale }
  end
  if M.scale(a) <= scale then
    return a
  end
  return round_limbs({ unpack(a[2], 1, a[3]) }, a[3], a[4], a[5], scale, false)
end

-- a / b at `scale` decimals, ties to even.
function M.divide(a, b, scale)
  local am, bm = a[1], b[1]
  if bm == 0 then
    fail("division by zero")
  end
  return am and bm and small_ratio(am, bm, a[2] - b[2], scale) or ratio(a, ONE, b, scale)
end

-- a * b / c at `scale` decimals, rounded once, ties to even.
function M.multiply_divide(a, b, c, scale)
  local am, bm, cm = a[1], b[1], c[1]
  if cm == 0 then
    fail("division by zero")
  end
  if same(b, c) then
    return M.round(a, scale)
  end
  if bm and cm then
    local numerator = am and am * bm
    if numerator and numerator < LIMIT and numerator > -LIMIT then
      local result = small_ratio(numerator, cm, a[2] + b[2] - c[2], scale)
      if result then
        return result
      end
    end
    -- Decimals that b and c share only lengthen the division.
    local common = b[2] < c[2] and b[2] or c[2]
    if common > 0 then
      b, c = { bm, b[2] - common }, { cm, c[2] - common }
    end
  end
  return ratio(a, b, c, scale)
end

return M
