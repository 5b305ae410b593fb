// A debugger, as small as it can be: the inspector's protocol over a WebSocket of its own, since Node 20 has none.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

type Message = { id?: number; method?: string; params?: never; result?: never; error?: { message: string } };

export class Debugger {
  #data = Buffer.alloc(0);
  #next = 1;
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #events: { method: string; params: unknown }[] = [];
  #wake = (): void => {};

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => {});
  }

  static async attach(url: string): Promise<Debugger> {
    const { hostname, port, pathname } = new URL(url);
    const socket = connect(Number(port), hostname);
    const key = randomBytes(16).toString('base64');
    socket.write(
      `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    await new Promise<void>((resolve, reject) => {
      socket.once('data', () => resolve());
      socket.once('error', reject);
    });
    return new Debugger(socket);
  }

  async send<T>(method: string, params: object = {}): Promise<T> {
    const id = this.#next++;
    const payload = Buffer.from(JSON.stringify({ id, method, params }));
    const mask = randomBytes(4);
    const head = Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 0xff, ...mask]);
    this.socket.write(Buffer.concat([head, payload.map((b, i) => b ^ mask[i % 4]!)]));
    const { result, error } = await new Promise<Message>((resolve) => this.#answers.set(id, resolve));
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result as T;
  }

  /** The next event of this kind; those before it are passed over, unless `keep` is given them. */
  async event<T>(method: string, keep?: (params: never) => boolean): Promise<T> {
    for (;;) {
      const at = this.#events.findIndex((e) => e.method === method && (keep === undefined || keep(e.params as never)));
      if (at >= 0) return this.#events.splice(at, 1)[0]!.params as T;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  close(): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#data = Buffer.concat([this.#data, chunk]);
    for (;;) {
      const data = this.#data;
      if (data.length < 2) return;
      const short = data[1]! & 0x7f;
      const head = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (data.length < head) return;
      const length = short === 126 ? data.readUInt16BE(2) : short === 127 ? Number(data.readBigUInt64BE(2)) : short;
      if (data.length < head + length) return;
      const payload = data.subarray(head, head + length);
      this.#data = data.subarray(head + length);
      if ((data[0]! & 0xf) !== 1) continue;
      const message = JSON.parse(payload.toString()) as Message;
      if (message.id !== undefined) this.#answers.get(message.id)?.(message);
      else {
        this.#events.push({ method: message.method!, params: message.params });
        this.#wake();
      }
    }
  }
}
