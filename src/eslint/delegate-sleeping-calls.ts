// A call that may sleep does nothing until somebody delegates to it: `mutex_lock(m)` alone takes no lock. The machine
// stops at such a call; this rule finds it in the editor. And the other way round, which TypeScript accepts: a
// generator function where a plain callback is meant would never run.
import type { Rule } from 'eslint';
import { isKernelCode, isSleeping, isVoid, typesFor, type LintNode } from './types.js';

export const delegateSleepingCalls: Rule.RuleModule = {
  meta: {
    type: 'problem',
    docs: { description: 'Require `yield*` at calls of functions that may sleep, and plain functions as callbacks' },
    messages: {
      call: '`{{name}}` may sleep: write `yield* {{name}}(...)`, in a function*',
      callback:
        '`{{name}}` may sleep (it is a function*), but a plain function is called here: its body would never run',
    },
    hasSuggestions: true,
    schema: [],
  },
  create(context) {
    if (!isKernelCode(context)) return {};
    const types = typesFor(context);
    const text = (node: LintNode): string => context.sourceCode.getText(node).replace(/\s+/g, ' ').slice(0, 60);

    /** A generator function at a place whose type calls it for nothing. */
    function callback(node: LintNode): void {
      const own = types.of(node).getCallSignatures();
      if (own.length === 0 || !own.every((s) => isSleeping(s.getReturnType()))) return;
      const wanted = types.wanted(node)?.getCallSignatures() ?? [];
      if (wanted.length === 0 || !wanted.every((s) => isVoid(s.getReturnType()))) return;
      context.report({
        node,
        messageId: 'callback',
        data: { name: /^\w+$/.test(text(node)) ? text(node) : 'this function' },
      });
    }

    return {
      CallExpression(node) {
        const call = node as LintNode & { callee: LintNode };
        if (isSleeping(types.of(call)) && !isDelegated(call)) {
          const insert = canYield(call)
            ? { suggest: [{ desc: 'Delegate to it', fix: (f: Rule.RuleFixer) => f.insertTextBefore(call, 'yield* ') }] }
            : {};
          context.report({
            node: call,
            messageId: 'call',
            data: { name: text(call.callee) },
            ...insert,
          } as Rule.ReportDescriptor);
        }
        for (const a of node.arguments) if (isFunctionLike(a.type)) callback(a as LintNode);
      },
      Property(node) {
        if (node.parent.type === 'ObjectExpression' && isFunctionLike(node.value.type))
          callback(node.value as LintNode);
      },
      AssignmentExpression(node) {
        if (node.operator === '=' && isFunctionLike(node.right.type)) callback(node.right as LintNode);
      },
    };
  },
};

const isFunctionLike = (type: string): boolean => /^(Identifier|FunctionExpression|MemberExpression)$/.test(type);

/** The operand of yield*, or one of the values that the operand may have. */
function isDelegated(node: LintNode): boolean {
  const parent = node.parent as LintNode;
  switch (parent.type) {
    case 'YieldExpression':
      return parent.delegate;
    case 'ConditionalExpression':
      return parent.test !== (node as unknown) && isDelegated(parent);
    case 'LogicalExpression':
    case 'ChainExpression':
      return isDelegated(parent);
    case 'SequenceExpression':
      return parent.expressions.at(-1) === (node as unknown) && isDelegated(parent);
    default:
      return /^TS(As|NonNull|Satisfies)Expression$/.test(parent.type as string) && isDelegated(parent);
  }
}

/** True where `yield*` can simply be put before the call: a statement, an initial value, in a function*. */
function canYield(call: LintNode): boolean {
  const parent = call.parent as LintNode;
  if (!/^(ExpressionStatement|VariableDeclarator|ReturnStatement|AssignmentExpression)$/.test(parent.type))
    return false;
  for (let at = parent; at; at = at.parent as LintNode) {
    if (at.type === 'FunctionDeclaration' || at.type === 'FunctionExpression') return at.generator === true;
    if (at.type === 'ArrowFunctionExpression') return false;
  }
  return false;
}
