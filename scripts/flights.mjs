// Turns the parquet file of real flights into what driftgauge reads: flights.mjs PARQUET DIRECTORY
// Writes january.csv (the reference), flights.csv, flights.ndjson and flights.avro (February to June).
import { open } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { asyncBufferFromFile, parquetRead } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

const [parquet, directory] = process.argv.slice(2)
const names = ['time', 'delay', 'distance', 'origin', 'destination', 'late']
const schema = JSON.stringify({
  type: 'record', name: 'flight', fields: [
    { name: 'time', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'delay', type: 'int' }, { name: 'distance', type: 'int' },
    { name: 'origin', type: 'string' }, { name: 'destination', type: 'string' }, { name: 'late', type: 'string' }]
})

function long(value) {
  let n = (BigInt(value) << 1n) ^ (BigInt(value) >> 63n)
  const bytes = []
  for (; n > 127n; n >>= 7n) bytes.push(Number(n & 127n) | 128)
  bytes.push(Number(n))
  return Buffer.from(bytes)
}
const bytes = b => Buffer.concat([long(b.length), b])
const text = s => bytes(Buffer.from(s))

class Avro {
  constructor(file) { this.file = file; this.sync = randomBytes(16); this.rows = [] }
  async begin() {
    const meta = [long(2), text('avro.schema'), text(schema), text('avro.codec'), text('deflate'), long(0)]
    await this.file.write(Buffer.concat([Buffer.from('Obj\x01', 'latin1'), ...meta, this.sync]))
  }
  add(f) {
    this.rows.push(long(BigInt(f.time.getTime()) * 1000n), long(f.delay), long(f.distance), text(f.origin),
      text(f.destination), text(f.late))
    return this.rows.length >= 6 * 10000 ? this.flush() : undefined
  }
  async flush() {
    if (this.rows.length === 0) return
    const data = deflateRawSync(Buffer.concat(this.rows))
    await this.file.write(Buffer.concat([long(this.rows.length / 6), bytes(data), this.sync]))
    this.rows = []
  }
}

class Lines {
  constructor(file, format, head) { this.file = file; this.format = format; this.rows = [head] }
  add(f) {
    this.rows.push(this.format(f))
    return this.rows.length >= 50000 ? this.flush() : undefined
  }
  async flush() { await this.file.write(this.rows.join('')); this.rows = [] }
}

const stamp = f => f.time.toISOString().slice(0, 19) + 'Z'
const csv = f => `${stamp(f)},${f.delay},${f.distance},${f.origin},${f.destination},${f.late}\n`
const ndjson = f => JSON.stringify({ ...f, time: stamp(f) }) + '\n'
const file = name => open(`${directory}/${name}`, 'w')

const head = names.join(',') + '\n'
const january = new Lines(await file('january.csv'), csv, head)
const avro = new Avro(await file('flights.avro'))
await avro.begin()
const rest = [new Lines(await file('flights.csv'), csv, head), new Lines(await file('flights.ndjson'), ndjson, ''), avro]

const source = await asyncBufferFromFile(parquet)
let rows = []
await parquetRead({ file: source, compressors, rowFormat: 'object', onComplete: all => { rows = all } })
rows.sort((a, b) => a.date - b.date)
const count = { january: 0, rest: 0 }
for (const r of rows) {
  const delay = Number(r.delay)
  const f = { time: r.date, delay, distance: Number(r.distance), origin: r.origin, destination: r.destination,
    late: delay > 15 ? 'yes' : 'no' }
  const first = f.time.getUTCMonth() === 0
  count[first ? 'january' : 'rest']++
  for (const out of first ? [january] : rest) await out.add(f)
}
for (const out of [january, ...rest]) await out.flush()
console.error(`${count.january} flights in January, ${count.rest} from February to June`)
