# One INTERFACE target carries what every target of ours is compiled with.
add_library(dg_options INTERFACE)
target_include_directories(dg_options INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                                $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}>)
target_compile_definitions(dg_options INTERFACE _GNU_SOURCE DG_VERSION="${PROJECT_VERSION}")
target_compile_options(dg_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla -Wundef -Wcast-qual
  -Wpointer-arith -Wwrite-strings -Wformat=2 -Wswitch-enum -fno-common
  # Numbers must not depend on the compiler's mood: no fused multiply-add, no fast math.
  -ffp-contract=off
  $<$<BOOL:${DG_WERROR}>:-Werror>
  $<$<C_COMPILER_ID:Clang>:-Wno-double-promotion>)
if(DG_SANITIZE)
  target_compile_options(dg_options INTERFACE -fsanitize=${DG_SANITIZE} -fno-omit-frame-pointer
                                              -fno-sanitize-recover=all)
  target_link_options(dg_options INTERFACE -fsanitize=${DG_SANITIZE})
endif()
if(DG_COVERAGE)
  target_compile_options(dg_options INTERFACE --coverage)
  target_link_options(dg_options INTERFACE --coverage)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  if(NOT DG_SANITIZE)
    target_compile_options(dg_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
                                                -fstack-protector-strong)
    target_link_options(dg_options INTERFACE -Wl,-z,relro,-z,now)
  endif()
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
