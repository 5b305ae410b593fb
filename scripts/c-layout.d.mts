export const layout: string;
export const gfp_flags: string;
