# dg_embed(source symbol file): write the C file `source`, which defines `const char symbol[]` with
# the bytes of `file`, and `const size_t symbol_size`; again whenever `file` changes.
set(DG_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(dg_embed source symbol file)
  add_custom_command(OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -D DG_EMBED_IN=${file} -D DG_EMBED_OUT=${source}
            -D DG_EMBED_SYMBOL=${symbol} -P ${DG_EMBED_SCRIPT}
    DEPENDS ${file} ${DG_EMBED_SCRIPT} VERBATIM)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  file(READ ${DG_EMBED_IN} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "(char)0x\\1," bytes "${hex}")
  file(WRITE ${DG_EMBED_OUT}
"#include <stddef.h>

extern const char ${DG_EMBED_SYMBOL}[];
extern const size_t ${DG_EMBED_SYMBOL}_size;

const char ${DG_EMBED_SYMBOL}[] = {
${bytes}
0};
const size_t ${DG_EMBED_SYMBOL}_size = sizeof ${DG_EMBED_SYMBOL} - 1;
")
endif()
