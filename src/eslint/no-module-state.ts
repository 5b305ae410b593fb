// What the loader refuses at a module's top level, in the editor: see module/toplevel.ts, which does the work for both.
import type { Rule } from 'eslint';
import { judgeTopLevel } from '../module/toplevel.js';
import type { Node } from '../module/scope.js';
import { isKernelCode } from './types.js';

export const noModuleState: Rule.RuleModule = {
  meta: {
    type: 'problem',
    docs: { description: 'Disallow state at the top level of a kernel module, which each CPU would have for itself' },
    messages: { state: '{{message}}; {{advice}}' },
    schema: [],
  },
  create(context) {
    if (!isKernelCode(context)) return {};
    return {
      Program(program) {
        judgeTopLevel(
          program as unknown as Node,
          (node, message, advice) =>
            context.report({ node: node as never, messageId: 'state', data: { message, advice } }),
          (node) => context.sourceCode.getText(node as never),
        );
      },
    };
  },
};
