find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
# module name in pkg-config -> imported target PkgConfig::<PREFIX>
foreach(dep "GSL gsl" "XXHASH libxxhash" "AVRO avro-c" "PQ libpq" "YAML yaml-0.1"
            "JANSSON jansson" "ZLIB zlib" "ZSTD libzstd" "SNAPPY snappy" "CRYPTO libcrypto"
            "RDKAFKA rdkafka" "CURL libcurl" "MHD libmicrohttpd")
  separate_arguments(words UNIX_COMMAND "${dep}")
  list(GET words 0 prefix)
  list(GET words 1 module)
  if(prefix STREQUAL "SNAPPY")
    pkg_check_modules(${prefix} IMPORTED_TARGET ${module})
    if(NOT TARGET PkgConfig::SNAPPY) # some releases ship no .pc
      find_library(SNAPPY_LIBRARY snappy REQUIRED)
      add_library(PkgConfig::SNAPPY INTERFACE IMPORTED)
      target_link_libraries(PkgConfig::SNAPPY INTERFACE ${SNAPPY_LIBRARY})
    endif()
  else()
    pkg_check_modules(${prefix} REQUIRED IMPORTED_TARGET ${module})
  endif()
endforeach()
