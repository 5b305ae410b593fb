// C that is linked into every module: where the loader finds its tables and hooks, and the imports that cc/instrument.ts
// calls. The tables are gathered by the linker from the sections that the macros of include/linux fill.

export const GLUE = `
#define TABLE(s) extern const char __start_##s[] __attribute__((weak)), __stop_##s[] __attribute__((weak));
TABLE(__ksymtab) TABLE(__param)
extern int init_module(void) __attribute__((weak));
extern void cleanup_module(void) __attribute__((weak));
static const void *const tables[6] = {
  __start___ksymtab, __stop___ksymtab, __start___param, __stop___param, init_module, cleanup_module };
__attribute__((export_name("__lockstep_tables"))) const void *__lockstep_tables(void) { return tables; }
extern unsigned __lockstep_pending;
extern void __lockstep_irq(void), __lockstep_bad_access(unsigned), __lockstep_stack_overflow(void);
__attribute__((used)) void __lockstep_keep(void)
{
  if (*(volatile unsigned *)&__lockstep_pending) {
    __lockstep_irq();
    __lockstep_bad_access(0);
    __lockstep_stack_overflow();
  }
}
`;
