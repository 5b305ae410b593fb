// Views have no identity: `list.first === list.last` compares two JavaScript objects, which differ even if both show the
// same bytes. Addresses are compared.
import type { Rule } from 'eslint';
import { isView, typesFor, type LintNode } from './types.js';

export const noViewIdentity: Rule.RuleModule = {
  meta: {
    type: 'problem',
    docs: { description: 'Disallow comparing views of structs by identity' },
    messages: {
      compare: 'views have no identity: two views of one struct are never `===`; compare addr_of(a) with addr_of(b)',
      search: '`{{method}}` looks for the same object, and views have no identity: look for the address',
    },
    hasSuggestions: true,
    schema: [],
  },
  create(context) {
    const types = typesFor(context);
    const view = (node: unknown): boolean => isView(types.of(node as LintNode));
    const text = (node: unknown): string => context.sourceCode.getText(node as LintNode);
    return {
      BinaryExpression(node) {
        if (!/^[!=]==?$/.test(node.operator) || !view(node.left) || !view(node.right)) return;
        context.report({
          node,
          messageId: 'compare',
          suggest: [
            {
              desc: 'Compare the addresses',
              fix: (f) =>
                f.replaceText(node, `addr_of(${text(node.left)}) ${node.operator} addr_of(${text(node.right)})`),
            },
          ],
        });
      },
      SwitchCase(node) {
        if (node.test && view(node.test)) context.report({ node: node.test, messageId: 'compare' });
      },
      CallExpression(node) {
        const callee = node.callee;
        if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return;
        const method = callee.property.name;
        if (
          /^(includes|indexOf|lastIndexOf|has|get|add|set|delete)$/.test(method) &&
          isCollection(types.of(callee.object as LintNode)) &&
          node.arguments[0] &&
          view(node.arguments[0])
        )
          context.report({ node: node.arguments[0], messageId: 'search', data: { method } });
      },
    };
  },
};

/** Collections of JavaScript that look things up by identity. */
const isCollection = (type: ReturnType<ReturnType<typeof typesFor>['of']>): boolean =>
  /^(Array|ReadonlyArray|Map|Set|WeakMap|WeakSet|ReadonlyMap|ReadonlySet)$/.test(type.getSymbol()?.name ?? '');
