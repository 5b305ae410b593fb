/* <asm/processor.h> */
#ifndef _ASM_PROCESSOR_H
#define _ASM_PROCESSOR_H

/* In a loop that waits for another CPU: takes interrupts, and gives the host's core away. */
extern void cpu_relax(void);

#endif
