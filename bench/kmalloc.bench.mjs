// kmalloc(64) + kfree on one CPU, with the checks for double and invalid frees on.
import { heading, interleaved, line, range, summary, verdict } from './lib.mjs';
import { power_on_here } from './here.mjs';

export default async function kmalloc_bench() {
  heading('kmalloc + kfree, one CPU (ns a pair)');
  const { slab } = await power_on_here();
  const { kmalloc, kfree } = slab;
  const GFP_ATOMIC = 0x820;
  const pair = (size) => (n) => {
    for (let i = 0; i < n; i++) kfree(kmalloc(size, GFP_ATOMIC));
  };
  const batch = (n) => {
    const held = new Array(64);
    for (let i = 0; i < n; i += 64) {
      for (let j = 0; j < 64; j++) held[j] = kmalloc(64, GFP_ATOMIC);
      for (let j = 0; j < 64; j++) kfree(held[j]);
    }
  };
  const [a, b, c] = interleaved([pair(64), pair(512), batch]);
  const s = summary(a);
  line('kmalloc(64) + kfree', range(s), `target 60: ${verdict(s.median < 60)}`);
  line('kmalloc(512) + kfree', range(summary(b)));
  line('64 times kmalloc(64), then 64 times kfree', range(summary(c)));
}
