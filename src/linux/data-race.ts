// inline: what Linux inlines over the caller's data; in the stepped build every access of the expression is a step.
// data_race() of <linux/compiler.h>: import it from there. Context: any.
import { races_off, races_on } from '../cpu/order.js';

/**
 * `data_race(() => s.packets)`: the value of the expression, whose accesses may race and are meant to: the race detector
 * passes over them. Say in a comment why the race does no harm.
 */
export function data_race<T>(expr: () => T): T {
  races_off();
  const value = expr();
  races_on();
  return value;
}
