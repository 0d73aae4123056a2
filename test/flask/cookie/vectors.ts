/** Cookies that Flask signed with the key `fixed-secret-key` at 1700000000, and the JSON in them. */

/** Seconds since 1970. */
export const signedAt = 1_700_000_000;

export const secretKey = "fixed-secret-key";

/** Name, JSON, cookie. */
export const vectors: readonly (readonly [string, string, string])[] = [
  ["T1", '{"k":"v"}', "eyJrIjoidiJ9.ZVPxAA.kzeFk5zUynO2ln-7a56trNy76iY"],
  [
    "T2",
    '{"_permanent":true,"user_id":42}',
    "eyJfcGVybWFuZW50Ijp0cnVlLCJ1c2VyX2lkIjo0Mn0.ZVPxAA.iY0Q9vvzmLVCP59QapxJ6xQFH98",
  ],
  ["T3", '{"a":2,"b":1}', "eyJhIjoyLCJiIjoxfQ.ZVPxAA.HCJlddpSaml5mUSvPpqr2cGvM_Q"],
  ["T5", '{"t":{" t":[1,2,{" t":[3]}]}}', "eyJ0Ijp7IiB0IjpbMSwyLHsiIHQiOlszXX1dfX0.ZVPxAA.fD-Qni6KPgKCicciTFe4oOUOFM4"],
  ["T6", '{"by":{" b":"AP8="}}', "eyJieSI6eyIgYiI6IkFQOD0ifX0.ZVPxAA.XE6uveDs2KjIT7fnBvnCfxM8RcE"],
  ["T7", '{"m":{" m":"<b>x</b>"}}', "eyJtIjp7IiBtIjoiPGI-eDwvYj4ifX0.ZVPxAA.3KSXIEpJW3xLHck2XIHFuejlqBI"],
  [
    "T8",
    '{"u":{" u":"12345678123456781234567812345678"}}',
    ".eJyrVipVsqpWUgCSSoZGxiamZuYWuGil2loABOwKyw.ZVPxAA.DaSXyTiyNJOONwyoT2OYQPtD6fg",
  ],
  [
    "T9",
    '{"d":{" d":"Tue, 02 Jan 2024 03:04:05 GMT"}}',
    "eyJkIjp7IiBkIjoiVHVlLCAwMiBKYW4gMjAyNCAwMzowNDowNSBHTVQifX0.ZVPxAA.EFNJQJLjcraus5YcFDw2HxLn99c",
  ],
  ["T10", '{"x":{" di":{" t__":1}}}', "eyJ4Ijp7IiBkaSI6eyIgdF9fIjoxfX19.ZVPxAA.oF9dzrrDRz1Dxb_fJ3-zrf4OT_Y"],
  [
    "T12",
    '{"_flashes":[{" t":["message","hi"]},{" t":["error","no"]}]}',
    ".eJyrVopPy0kszkgtVrKKrlZSKAFSSrmpxcWJ6alKOkoZmUqxtTow8dSiovwioGhePlA0thYAUHYTSQ.ZVPxAA.jGDgYyZaXujUJ7y3qOIeQmy7-tU",
  ],
  ["T13", `{"big":"${"a".repeat(200)}"}`, ".eJyrVkrKTFeyUkocJkCpFgA3gE61.ZVPxAA.0cnd_W19or9fVoQcw2gW_E6gGRI"],
  ["T15", '{"1":"intkey"}', "eyIxIjoiaW50a2V5In0.ZVPxAA.N-ARSflpDEgEQOWZrVewGYBp7hU"],
  ["T16", '{"b":1,"a":"\\u00e9"}', "eyJiIjoxLCJhIjoiXHUwMGU5In0.ZVPxAA.dQm2AqStVhLffHAt5FYNsVDJQbw"],
];

/** Flask-Session-Plus's cookie, which has another hash. */
export const plusVector: readonly [string, string] = [
  '{"k":"v"}',
  "eyJrIjoidiJ9.ZVPxAA.y93GlSZMyv8IA7aoNN2EnQMhcg91qScrm0JVet1gBH8",
];
