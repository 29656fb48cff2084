typedef int dg_placeholder;
