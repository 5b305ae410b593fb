// completion-reused.ts made right: the completion is ready before anybody can complete it.
import { complete, completion, init_completion, reinit_completion } from 'lockstep/linux/completion';
import { wait_for_completion } from 'lockstep/linux/completion';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_STATIC, Struct, u32 } from 'lockstep/linux/types';
import { INIT_WORK, queue_work, system_wq, work_struct } from 'lockstep/linux/workqueue';

class firmware extends Struct('firmware', {
  mailbox: work_struct,
  done: completion,
  probed: completion,
  commands: u32,
}) {}
const fw = DEFINE_STATIC(firmware);

/** The firmware has done what it was told. */
export function answer() {
  fw.commands++;
  complete(fw.done);
}

function* send_command() {
  reinit_completion(fw.done);
  queue_work(system_wq, fw.mailbox);
  yield* wait_for_completion(fw.done);
}

export function* probe() {
  yield* send_command();
  yield* send_command();
  complete(fw.probed);
  return 0;
}

module_init(() => {
  init_completion(fw.done);
  INIT_WORK(fw.mailbox, answer);
  init_completion(fw.probed);
  kthread_run(probe, 0, 'probe');
  return 0;
});
module_exit(function* () {
  yield* wait_for_completion(fw.probed);
});
MODULE_LICENSE('GPL');
