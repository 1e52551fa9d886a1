import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

const root = new URL('../../../../', import.meta.url)
const file = (path: string): string => readFileSync(new URL(path, root), 'utf8')

/** Bytes that look random and are always the same. */
function noise(bytes: number): Buffer {
  const parts = Array.from({ length: Math.ceil(bytes / 32) }, (_, i) =>
    createHash('sha256').update(`noise ${i}`).digest(),
  )
  return Buffer.concat(parts).subarray(0, bytes)
}

const ENGLISH =
  'The train to the coast left twenty minutes late, and nobody seemed surprised. A woman across the aisle had spread out her ' +
  'notes on the small table: drawings of bridges, a list of prices, and a letter she kept reading without turning the page. ' +
  'When the conductor came through, she asked him whether the connection would wait. He thought about it, looked at his watch ' +
  'and said that it usually did, but that he would not promise anything before the river. Outside, the fields were still wet. '

const GERMAN =
  'Die Werkstatt lag im Hinterhof, und man fand sie nur, wenn man dem Geruch von frischem Holz nachging. Der Tischler hatte ' +
  'siebenundzwanzig Jahre lang Fensterrahmen gebaut, bevor er sich an Möbel wagte. Heute kommen die Bestellungen aus ganz ' +
  'Europa, doch die Lieferzeiten haben sich kaum geändert: Wer einen Schrank möchte, wartet mindestens acht Monate. '

const FRENCH =
  'Le marché ouvre à six heures, mais les premiers clients arrivent bien avant. On y trouve des légumes de la région, du fromage ' +
  "de chèvre et, selon la saison, des champignons que personne n'ose acheter sans demander conseil. La marchande de fleurs " +
  "connaît chacun par son prénom et n'oublie jamais un anniversaire. "

const RUSSIAN =
  'Поезд опоздал на двадцать минут, но никто из пассажиров не удивился. Женщина напротив разложила на столике чертежи мостов, ' +
  'список цен и письмо, которое она перечитывала снова и снова. Проводник подумал, посмотрел на часы и сказал, что обычно нас ' +
  'ждут, однако обещать он ничего не станет. За окном тянулись мокрые поля. '

const CHINESE =
  '火车晚点了二十分钟，车厢里没有人觉得奇怪。对面的女士把笔记摊在小桌上：几张桥梁的草图、一份价格清单，还有一封她反复阅读的信。' +
  '列车员经过时，她问下一班车会不会等。他想了想，看了看手表，说通常会等，但过河之前他什么也不能保证。窗外的田野还是湿的。'

const JAPANESE =
  '列車は二十分遅れて出発しましたが、誰も驚いた様子はありませんでした。向かいの席の女性は小さなテーブルにノートを広げ、橋のスケッチや' +
  '価格の一覧、そして何度も読み返している手紙を並べていました。車掌は少し考えて時計を見ると、いつもは待ってくれるが約束はできないと答えました。'

const KOREAN =
  '기차는 이십 분 늦게 출발했지만 아무도 놀라지 않았다. 맞은편에 앉은 여자는 작은 탁자 위에 다리 그림과 가격표, 그리고 몇 번이나 다시 읽는 ' +
  '편지를 펼쳐 놓았다. 승무원은 잠시 생각하더니 시계를 보고, 보통은 기다려 주지만 강을 건너기 전에는 아무것도 약속할 수 없다고 말했다. '

const ARABIC =
  'غادر القطار متأخرا عشرين دقيقة ولم يبد على أحد أنه تفاجأ. كانت امرأة في المقعد المقابل قد نشرت أوراقها على الطاولة الصغيرة: ' +
  'رسوم لجسور وقائمة أسعار ورسالة تعيد قراءتها مرة بعد مرة. فكر المفتش قليلا ونظر إلى ساعته وقال إنهم ينتظرون عادة. '

const HINDI =
  'रेलगाड़ी बीस मिनट देर से चली, पर किसी को आश्चर्य नहीं हुआ। सामने बैठी महिला ने छोटी मेज पर अपने कागज फैला रखे थे: पुलों के चित्र, ' +
  'कीमतों की सूची और एक पत्र जिसे वह बार-बार पढ़ती थी। परिचालक ने घड़ी देखी और कहा कि आम तौर पर वे इंतजार करते हैं। '

const EMOJI = '😀 🎉 great work 👍🏽 👩‍👩‍👧 🚀🚀🚀 see you 🌍 ✅ ❌ 🇩🇪 ❤️ '

const JSON_TEXT = JSON.stringify(
  Array.from({ length: 60 }, (_, i) => ({
    id: `ord_${(i * 7919) % 100_000}`,
    customer: { name: `Customer ${i}`, country: ['DE', 'FR', 'US'][i % 3], vip: i % 4 === 0 },
    items: [{ sku: `A-${i * 31}`, quantity: (i % 5) + 1, price: ((i * 37) % 900) + 0.99 }],
    created_at: `2026-11-${String((i % 28) + 1).padStart(2, '0')}T10:${String(i % 60).padStart(2, '0')}:00Z`,
  })),
)

/** Texts of many kinds, by what they are. Written for this test, or files of this repository. */
export const TEXTS: Readonly<Record<string, string>> = {
  'English prose': ENGLISH.repeat(20),
  'technical English': file('docs/concurrency.md'),
  German: GERMAN.repeat(20),
  French: FRENCH.repeat(20),
  Russian: RUSSIAN.repeat(20),
  Chinese: CHINESE.repeat(20),
  Japanese: JAPANESE.repeat(20),
  Korean: KOREAN.repeat(20),
  Arabic: ARABIC.repeat(20),
  Hindi: HINDI.repeat(20),
  emoji: EMOJI.repeat(60),
  TypeScript: file('packages/core/src/http/guard.ts'),
  JSON: JSON_TEXT,
  'JSON, indented': JSON.stringify(JSON.parse(JSON_TEXT), undefined, 2),
  'numbers, CSV': Array.from({ length: 500 }, (_, i) => `${i},${(i * 7919) % 10_007},${((i * 31) % 997) / 10}`).join(
    '\n',
  ),
  hexadecimal: noise(5_000).toString('hex'),
  base64: noise(10_000).toString('base64'),
  UUIDs: Array.from({ length: 100 }, (_, i) =>
    noise(16 * (i + 1))
      .subarray(16 * i)
      .toString('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5'),
  ).join('\n'),
}
