// The kernel's formatter. (First version.)
export function format(fmt: string, args: readonly unknown[]): string {
  let i = 0;
  return fmt.replace(/%[#0-9]*([diuxscp%])/g, (_, c: string) => (c === '%' ? '%' : c === 'x' ? Number(args[i++]).toString(16) : String(args[i++])));
}
